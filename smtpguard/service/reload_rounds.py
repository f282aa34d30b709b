"""A reload by several workers: all are asked at once, and the last to answer makes the answer of the guard.

One round after another: where a reload is asked for during a round, the next one begins at its end. A worker's answer
to the first question must not pass for one to the second, since it may have read the files before they were changed.
"""

from __future__ import annotations

from collections.abc import Callable

from smtpguard.service.errors import ServiceError
from smtpguard.service.pid_file import DONE


class ReloadRounds:
    """``send`` begins a round and returns whom it asked; ServiceError from there ends it. ``tell`` hears what came of
    each round: DONE, or why not."""

    def __init__(self, send: Callable[[], set[int]], tell: Callable[[str], None]) -> None:
        self._send = send
        self._tell = tell
        self._due: set[int] = set()
        self._outcome = DONE
        self._again = False

    def ask(self) -> None:
        """A reload is wanted."""
        if self._due:
            self._again = True
            return
        self._outcome = DONE
        try:
            self._due = self._send()
        except ServiceError as error:
            self._outcome = str(error)
        if not self._due:
            self._tell(self._outcome)

    def answered(self, worker: int, outcome: str) -> None:
        """What came of it there; from a worker that owes no answer it is none."""
        if worker not in self._due:
            return
        if outcome != DONE:
            self._outcome = outcome
        self._due.discard(worker)
        if self._due:
            return
        self._tell(self._outcome)
        if self._again:
            self._again = False
            self.ask()
