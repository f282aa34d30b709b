"""Who looks at the guard's process from outside and is told how it fares: systemd, and the reader of the pid file.

    with onlookers(systemd, path) as those:     # raises ServiceError
        those.ready("strip-xexch50")
        those.alive(now)                        # as often as the loop turns
        those.reloading()
        those.reloaded(DONE)
        those.stopping()

Where neither is there, nothing happens. A reload that failed is a line on standard error, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from smtpguard.service.outlook import say
from smtpguard.service.pid_file import DONE, PidFile
from smtpguard.service.systemd import Systemd


class Onlookers:
    """``pid_file`` is None where nobody asked for one."""

    def __init__(self, systemd: Systemd, pid_file: PidFile | None) -> None:
        self._systemd = systemd
        self._pid_file = pid_file
        self._beaten = 0.0

    def ready(self, policy: str) -> None:
        """It listens."""
        self._systemd.notify("READY=1", f"STATUS=Relaying under {policy}")

    def alive(self, now: float) -> None:
        """The loop turns; said no oftener than the watchdog wants to hear it. ``now`` in seconds."""
        if self._systemd.watchdog is not None and now >= self._beaten + self._systemd.watchdog - 1.0:
            self._beaten = now
            self._systemd.notify("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload begins."""
        self._systemd.reloading()
        if self._pid_file is not None:
            self._pid_file.begin()

    def reloaded(self, outcome: str) -> None:
        """A reload is over: ``pid_file.DONE``, or why not."""
        self._systemd.notify("READY=1")
        if outcome != DONE:
            say(f"reload: {outcome}; what was in force stays in force")
        if self._pid_file is not None:
            self._pid_file.tell(outcome)

    def stopping(self) -> None:
        """The last sessions end."""
        self._systemd.notify("STOPPING=1")


@contextmanager
def onlookers(systemd: Systemd, pid_file: Path | None) -> Iterator[Onlookers]:
    """The pid file is there as long as the block runs. Raises ServiceError."""
    with ExitStack() as stack:
        yield Onlookers(systemd, stack.enter_context(PidFile(pid_file)) if pid_file is not None else None)
