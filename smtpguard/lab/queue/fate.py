"""What became of a message: its attempts and what its author was told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from smtpguard.lab.sender.attempt import Attempt


@dataclass(frozen=True, slots=True)
class TimedAttempt:
    """One attempt and when it ran, in simulated seconds: from when the message was handed out until it was settled."""

    began: float
    ended: float
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Notification:
    """What the queue sent to the author: ``status`` as in RFC 3463, ``eml`` the whole message."""

    time: float
    status: str
    eml: bytes


@dataclass(frozen=True, slots=True)
class Fate:
    """``outcome`` is delivered when every recipient has the message; else its author got an NDR.

    ``content``: the message as it entered the queue. ``delivered`` and ``failed`` name recipients. A message whose
    queue was blocked until it expired may have no attempt of its own.
    """

    outcome: Literal["delivered", "ndr"]
    attempts: tuple[TimedAttempt, ...]
    delays: tuple[Notification, ...]
    ndrs: tuple[Notification, ...]
    content: bytes
    delivered: tuple[str, ...]
    failed: tuple[str, ...]

    @property
    def delay(self) -> Notification | None:
        """The first delay notice; None when none was due."""
        return self.delays[0] if self.delays else None

    @property
    def ndr(self) -> Notification | None:
        """The last NDR; None when everybody has the message."""
        return self.ndrs[-1] if self.ndrs else None
