"""A bar over the simulated days while a run goes on.

Only on a terminal that can redraw a line; elsewhere nothing is written at all. No thread: each event redraws the bar.
"""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from smtpguard.lab.events import Event
from smtpguard.pages.wording import span

_SHOWN = frozenset({"attempt", "attempt-failed", "delivered", "delay-notice", "ndr"})


class SimulatedDays:
    """``with SimulatedDays(console, expiry) as days:`` and give ``days.watch`` to the run; ``expiry`` in seconds."""

    def __init__(self, console: Console, expiry: float) -> None:
        columns = (TextColumn("  {task.description}"), BarColumn(), TextColumn("{task.fields[clock]}"))
        silent = not console.is_terminal or console.is_dumb_terminal
        self._progress = Progress(*columns, console=console, disable=silent, auto_refresh=False)
        self._task = self._progress.add_task("the message waits", total=expiry, clock=span(0))

    def __enter__(self) -> SimulatedDays:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def watch(self, event: Event) -> None:
        """Show how far the simulated clock has come and what the queue is at."""
        if event.host != "sender" or event.event not in _SHOWN:
            return
        number = event.fields.get("number")
        description = event.event if number is None else f"{event.event} {number}"
        self._progress.update(
            self._task, completed=event.time, description=f"{description:17}", clock=span(event.time), refresh=True
        )
