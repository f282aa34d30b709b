"""What a process has used: CPU seconds to the nanosecond, and resident memory. Linux only.

``/proc/<pid>/stat`` counts in ticks of 10 ms, a tenth of a whole round; the kernel's CPU clock of the same process has
the same user + system time unrounded.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

_SCHED_CLOCK = 2  # CPUCLOCK_SCHED of the kernel's posix-timers.h: user and system time of all threads together
_IDLE_SECONDS = 0.000_05  # less than this between two looks is a box that has nothing left to do
_LOOK_EVERY = 0.004


def cpu_seconds(pid: int) -> float:
    """User + system time of the whole process ``pid`` so far; raises ``OSError`` when it is gone."""
    return time.clock_gettime((~pid << 3) | _SCHED_CLOCK)  # MAKE_PROCESS_CPUCLOCK: what clock_getcpuclockid(3) returns


async def settled_cpu_seconds(pid: int, patience: float = 0.5) -> float:
    """``cpu_seconds`` once the process has come to rest, so that closing a session is part of its cost.

    Waits at most ``patience`` seconds: a box with work of its own in the background is read as it is.
    """
    last = cpu_seconds(pid)
    for _ in range(int(patience / _LOOK_EVERY)):
        await asyncio.sleep(_LOOK_EVERY)
        now = cpu_seconds(pid)
        if now - last < _IDLE_SECONDS:
            return now
        last = now
    return last


def resident_octets(pid: int) -> int:
    """Resident set size of ``pid``."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
