"""How far the simulated days have come while a run goes on, where it takes long."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console

from smtpguard.lab.events import Event
from smtpguard.pages.wording import span
from smtpguard.progress import LongWork

_SHOWN = frozenset({"attempt", "attempt-failed", "delivered", "delay-notice", "ndr"})


class SimulatedDays:
    """``with SimulatedDays(expiry) as days:`` and give ``days.watch`` to the run; ``expiry`` in seconds."""

    def __init__(self, expiry: float, *, console: Console | None = None, after: float | None = None) -> None:
        self._work = LongWork("the lab comes up", expiry, console=console, after=after)

    def __enter__(self) -> SimulatedDays:
        self._work.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._work.__exit__(kind, error, trace)

    def watch(self, event: Event) -> None:
        """Show how far the simulated clock has come and what the queue is at."""
        if event.host != "sender" or event.event not in _SHOWN:
            return
        number = event.fields.get("number")
        description = event.event if number is None else f"{event.event} {number}"
        self._work.show(f"{description} at {span(event.time)} of simulated time", event.time)
