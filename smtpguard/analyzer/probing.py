"""What a probe works with: the target, what the acceptance test heard there, and sessions to hold."""

from __future__ import annotations

from dataclasses import dataclass, field

from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.ehlo import Ehlo
from smtpguard.analyzer.session import Session, Watch
from smtpguard.analyzer.steps import Step
from smtpguard.analyzer.systems import Classified
from smtpguard.analyzer.target import Target
from smtpguard.analyzer.via import STRAIGHT, Via


@dataclass
class Examination:
    """``sessions`` fills as probes run; one that was cut short leaves what it saw. ``content``: a sample message."""

    target: Target
    limits: Limits
    watch: Watch
    ehlo: Ehlo
    classified: Classified
    content: bytes
    via: Via = STRAIGHT
    held: list[Session] = field(default_factory=list)

    def session(self, title: str) -> Session:
        """A new session, not yet open."""
        session = Session(title, self.target, self.limits, self.watch, self.via)
        self.held.append(session)
        return session

    @property
    def sessions(self) -> dict[str, tuple[Step, ...]]:
        """The steps of every session so far, by its title."""
        return {session.title: tuple(session.steps) for session in self.held}
