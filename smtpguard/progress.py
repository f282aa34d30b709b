"""Says that something goes on where it takes long: one way for every command, on standard error.

On a terminal a line that redraws itself, and is gone in the end; elsewhere a line now and then, so that whoever reads
the log of a CI run knows that it lives. What is over sooner than ``TERMINAL_AFTER`` or ``LINE_AFTER`` says nothing at
all. A thread looks at the time, because what takes long may be a wait in which nothing happens. Standard error that
can't be written ends the telling, never the work.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TaskID, TextColumn, TimeElapsedColumn

TERMINAL_AFTER = 0.5
LINE_AFTER = 2.0
LINE_EVERY = 10.0
"""Seconds."""

_REDRAWS_A_SECOND = 4
_PATIENCE = 1.0  # seconds for a last line that nobody takes


class LongWork:
    """``with LongWork("reading x") as work:`` and then ``work.show("7 of 9 runs", 7)`` as it goes on.

    ``total`` is what ``done`` grows to, and draws a bar; None for a wait whose end nobody knows. ``after`` and
    ``every`` are seconds; left out, those above. Other lines go to ``console`` meanwhile, and stand above ours.
    """

    def __init__(
        self,
        text: str,
        total: float | None = None,
        *,
        console: Console | None = None,
        after: float | None = None,
        every: float = LINE_EVERY,
    ) -> None:
        self._console = Console(stderr=True) if console is None else console
        self._redraws = self._console.is_terminal and not self._console.is_dumb_terminal
        self._after = after if after is not None else TERMINAL_AFTER if self._redraws else LINE_AFTER
        self._every = every
        self._text = text
        self._done = 0.0
        self._total = total
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="progress", daemon=True)
        self._drawn: tuple[Progress, TaskID] | None = None

    def __enter__(self) -> LongWork:
        self._began = time.monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join(_PATIENCE)

    def show(self, text: str, done: float | None = None) -> None:
        """What it is at, and how much of ``total`` is done."""
        self._text = text
        if done is not None:
            self._done = done
        if self._drawn is not None:
            drawing, task = self._drawn
            drawing.update(task, description=text, completed=self._done)

    def _tell(self) -> None:
        if self._over.wait(self._after):
            return
        try:
            if self._redraws:
                self._redraw()
            else:
                self._write_lines()
        except (OSError, ValueError):  # closed, or its reader is gone
            return

    def _redraw(self) -> None:
        bar: tuple[ProgressColumn, ...] = (BarColumn(),) if self._total is not None else ()
        columns = (TextColumn("  {task.description}", markup=False), *bar, TimeElapsedColumn())
        with Progress(
            *columns,
            console=self._console,
            transient=True,
            refresh_per_second=_REDRAWS_A_SECOND,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as drawing:
            task = drawing.add_task(self._text, total=self._total)
            drawing.update(task, completed=self._done)
            self._drawn = drawing, task
            self._over.wait()
            self._drawn = None

    def _write_lines(self) -> None:
        while True:
            seconds = time.monotonic() - self._began
            # Not by print: a Console whose reader is gone takes standard output away from the whole process.
            self._console.file.write(f"smtpguard: {self._text} ({seconds:.0f} s)\n")
            self._console.file.flush()
            if self._over.wait(self._every):
                return
