"""Memory of idle sessions: how much a fresh box grows by when clients connect, say EHLO, and stand still."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Sequence

from bench.cpu import resident_octets, settled_cpu_seconds
from bench.errors import BenchError
from bench.load import idle_script, run_client
from bench.peers import Peer
from bench.plan import Plan
from bench.progress import Progress

_AT_ONCE = 32
_WARM_UP = 16  # the first sessions import, compile and allocate what later ones share


def allow_open_files() -> None:
    """Raise the soft limit on file descriptors to the hard one, for this process and the boxes it will start."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


async def measure_memory(boxes: Sequence[Peer], plan: Plan, progress: Progress) -> dict[str, float]:
    """KiB a session that each box's resident memory grew by; the boxes must be fresh ones.

    The sockets' own buffers are the kernel's and not counted. One figure a box: freed memory is used again, so a second
    round in the same process would say nothing.
    """
    grown: dict[str, float] = {}
    for box in boxes:
        progress.say(f"memory: {plan.idle_sessions} idle sessions through {box.name}")
        try:
            async with asyncio.timeout(plan.step_seconds):
                grown[box.name] = await _growth(box, plan.idle_sessions)
        except TimeoutError:
            raise BenchError(f"{box.name} did not open {plan.idle_sessions} sessions in time") from None
        except (BenchError, OSError) as error:
            raise BenchError(f"{box.name} {error}") from None
    return grown


async def _growth(box: Peer, sessions: int) -> float:
    open_ones = await _opened(box, _WARM_UP)
    try:
        await settled_cpu_seconds(box.pid)
        before = resident_octets(box.pid)
        open_ones += await _opened(box, sessions)
        await settled_cpu_seconds(box.pid)
        return (resident_octets(box.pid) - before) / sessions / 1024
    finally:
        for transport in open_ones:
            transport.abort()


async def _opened(box: Peer, count: int) -> list[asyncio.Transport]:
    transports: list[asyncio.Transport] = []
    while len(transports) < count:
        some = min(_AT_ONCE, count - len(transports))
        taken = await asyncio.gather(*(run_client(box.port, idle_script()) for _ in range(some)))
        transports += [transport for _, transport in taken]
    return transports
