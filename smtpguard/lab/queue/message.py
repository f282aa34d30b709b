"""A message in a queue: who still waits for it, how often it was tried, what its author was told."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from smtpguard.lab.queue.fate import Notification, TimedAttempt
from smtpguard.lab.sender.attempt import Attempt
from smtpguard.lab.sender.envelope import Envelope


@dataclass(slots=True)
class QueuedMessage:
    """``number`` counts the messages of a run from 1; ``entered``: simulated seconds; ``failures``: attempts that
    failed behind MAIL, which are the message's own and not only the connection's.
    """

    number: int
    envelope: Envelope
    entered: float
    pending: tuple[str, ...] = ()
    delivered: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    attempts: list[TimedAttempt] = field(default_factory=list)
    delays: list[Notification] = field(default_factory=list)
    ndrs: list[Notification] = field(default_factory=list)
    failures: int = 0

    def __post_init__(self) -> None:
        self.pending = self.envelope.recipients

    @property
    def octets(self) -> int:
        """Its size."""
        return len(self.envelope.content)

    def remaining(self) -> Envelope:
        """The envelope with the recipients that still wait."""
        return replace(self.envelope, recipients=self.pending)

    def note(self, began: float, ended: float, attempt: Attempt) -> None:
        """Keep one more attempt and whom it served."""
        self.attempts.append(TimedAttempt(began, ended, attempt))
        self._leave(attempt.accepted, self.delivered)
        if attempt.begun and not attempt.delivered:
            self.failures += 1

    def amend(self, attempt: Attempt) -> None:
        """The last attempt once more."""
        self.attempts[-1] = replace(self.attempts[-1], attempt=attempt)

    def fail(self, recipients: tuple[str, ...], ndr: Notification) -> None:
        """``recipients`` will not get it; ``ndr`` said so."""
        self._leave(recipients, self.failed)
        self.ndrs.append(ndr)

    def _leave(self, recipients: tuple[str, ...], into: list[str]) -> None:
        into.extend(recipients)
        self.pending = tuple(name for name in self.pending if name not in recipients)
