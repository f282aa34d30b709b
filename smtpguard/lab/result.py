"""What a run came to, and its JSON. The JSON's keys are a promise to scripts; what only people need is not in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from smtpguard.lab.events import Event
from smtpguard.lab.mailbox import StoredMessage
from smtpguard.lab.queue import Fate
from smtpguard.lab.scenario import NO_FIREWALL, Outcome, Scenario


@dataclass(frozen=True, slots=True)
class RunResult:
    """``sent`` and ``mailbox`` are octets on both ends; ``orphaned_blobs`` reached the server without a message."""

    scenario: Scenario
    firewall: str
    firewall_summary: str  # of the policy, for people
    receiver_summary: str  # of the profile, for people
    fate: Fate
    sent: bytes
    mailbox: tuple[StoredMessage, ...]
    orphaned_blobs: int
    events: tuple[Event, ...]

    @property
    def outcome(self) -> Outcome:
        """What became of the message."""
        return self.fate.outcome

    @property
    def expected(self) -> Outcome | None:
        """What the scenario says should become of it; None where it says nothing."""
        return self.scenario.expected(self.firewall)

    @property
    def as_expected(self) -> bool:
        """Whether the run ended as it should, with the message in the mailbox exactly when it was delivered."""
        told_the_truth = self.intact if self.outcome == "delivered" else not self.mailbox
        return told_the_truth and self.expected in (None, self.outcome)

    @property
    def intact(self) -> bool:
        """Whether the mailbox holds the message once, octet for octet as it was sent."""
        return [message.content for message in self.mailbox] == [self.sent]

    @property
    def sent_sha256(self) -> str:
        """Hex digest of the message as it was sent."""
        return hashlib.sha256(self.sent).hexdigest()

    @property
    def without_firewall(self) -> bool:
        """Whether sender and receiver spoke directly."""
        return self.firewall == NO_FIREWALL

    @property
    def simulated_seconds(self) -> float:
        """From the message's entry into the queue to its end there."""
        last = self.fate.attempts[-1].ended if self.fate.ndr is None else self.fate.ndr.time
        return round(last, 6)

    def as_dict(self) -> dict[str, object]:
        """The report as plain values. ``eml`` holds one character an octet (ISO 8859-1), so that none is lost."""
        ndr = self.fate.ndr
        return {
            "scenario": self.scenario.name,
            "firewall": self.firewall,
            "outcome": self.outcome,
            "attempts": len(self.fate.attempts),
            "simulated_seconds": self.simulated_seconds,
            "steps": [state.as_dict() for state in self.fate.attempts[-1].attempt.steps],
            "ndr": None if ndr is None else {"status": ndr.status, "eml": ndr.eml.decode("latin-1")},
            "events": [event.as_dict() for event in self.events],
        }

    def as_json(self) -> str:
        """The report as indented JSON in ASCII."""
        return json.dumps(self.as_dict(), indent=2)
