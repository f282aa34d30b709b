"""What a run came to, and its JSON. The JSON's keys are a promise to scripts; what only people need is not in it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass

from smtpguard.lab.eventlog.entries import Entry
from smtpguard.lab.events import Event
from smtpguard.lab.queue.fate import Fate
from smtpguard.lab.queue.viewer import QueueRow
from smtpguard.lab.receiver.mailbox import StoredMessage
from smtpguard.lab.scenario.ending import Ending, Outcome, unmet
from smtpguard.lab.scenario.model import NO_FIREWALL, Scenario
from smtpguard.lab.sender.steps import StepBoard, StepState
from smtpguard.lab.telling.transcript import Said


@dataclass(frozen=True, slots=True)
class RunResult:
    """``messages`` and ``mailbox`` are octets on both ends; ``orphaned_blobs`` reached the server without a message.

    ``fate`` and ``sent`` are those of the first message, which is the only one in most scenarios.
    """

    scenario: Scenario
    firewall: str
    firewall_summary: str  # of the policy, for people
    receiver_summary: str  # of the profile, for people
    fates: tuple[Fate, ...]
    timeline: tuple[QueueRow, ...]
    messages: tuple[bytes, ...]
    mailbox: tuple[StoredMessage, ...]
    orphaned_blobs: int
    events: tuple[Event, ...]
    eventlog: tuple[Entry, ...]
    firewall_lies: bool = False  # its policy may answer success that no server gave

    @property
    def fate(self) -> Fate:
        """What became of the first message."""
        return self.fates[0]

    @property
    def sent(self) -> bytes:
        """The first message."""
        return self.messages[0]

    @property
    def outcome(self) -> Outcome:
        """``delivered`` when every message was; ``lost`` when the sender thinks so and the receiver has fewer."""
        if any(fate.outcome != "delivered" for fate in self.fates):
            return "ndr"
        return "lost" if len(self.mailbox) < len(self.messages) else "delivered"

    @property
    def expectation(self) -> Ending | None:
        """What the scenario says of this policy; None where it says nothing."""
        return self.scenario.expected(self.firewall)

    @property
    def expected(self) -> Outcome | None:
        """The outcome that the scenario expects; None where it says nothing."""
        return None if self.expectation is None else self.expectation.outcome

    @property
    def unmet(self) -> tuple[str, ...]:
        """What the scenario expects and the run did not show, a sentence each."""
        return unmet(self.expectation, self)

    @property
    def as_expected(self) -> bool:
        """Whether the run ended as it should."""
        return not self.unmet

    @property
    def intact(self) -> bool:
        """Whether the mailbox holds each message once, octet for octet as it was sent."""
        return Counter(stored.content for stored in self.mailbox) == Counter(self.messages)

    @property
    def properties_arrived(self) -> bool:
        """Whether messages arrived, each with its XEXCH50 data."""
        return bool(self.mailbox) and all(stored.blob is not None for stored in self.mailbox)

    @property
    def encrypted(self) -> bool:
        """Whether messages arrived, each over TLS."""
        return bool(self.mailbox) and all(stored.tls for stored in self.mailbox)

    @property
    def steps(self) -> tuple[StepState, ...]:
        """The fifteen steps of the last attempt; all not reached where the queue never came to the message."""
        attempts = self.fate.attempts
        return attempts[-1].attempt.steps if attempts else StepBoard().states()

    @property
    def failed_step(self) -> int | None:
        """The step of KB818222 that failed in the last attempt."""
        return next((int(row.step) for row in self.steps if row.state == "failed"), None)

    @property
    def sent_sha256(self) -> str:
        """Hex digest of the first message as it was sent."""
        return hashlib.sha256(self.sent).hexdigest()

    @property
    def without_firewall(self) -> bool:
        """Whether sender and receiver spoke directly."""
        return self.firewall == NO_FIREWALL

    @property
    def simulated_seconds(self) -> float:
        """From the messages' entry into the queue to the end of the last one there."""
        ends = [fate.ndr.time for fate in self.fates if fate.ndr is not None]
        ends += [fate.attempts[-1].ended for fate in self.fates if fate.ndr is None]
        return round(max(ends), 6)

    def as_dict(self) -> dict[str, object]:
        """The report as plain values. ``eml`` holds one character an octet (ISO 8859-1), so that none is lost."""
        ndr, attempts = self.fate.ndr, self.fate.attempts
        sender, receiver = self.scenario.sender, self.scenario.receiver
        return {
            "scenario": self.scenario.name,
            "title": self.scenario.title,
            "source": self.scenario.source,
            "mail": {
                "from": sender.address,
                "to": list(sender.recipients),
                "octets": len(self.sent),
                "sha256": self.sent_sha256,
                "copies": len(self.messages),
            },
            "sender": sender.host,
            "receiver": {"host": receiver.host, "system": self.receiver_summary},
            "firewall": self.firewall,
            "outcome": self.outcome,
            "attempts": len(attempts),
            "simulated_seconds": self.simulated_seconds,
            "steps": [state.as_dict() for state in self.steps],
            "conversation": [_said(said) for said in attempts[0].attempt.lines] if attempts else [],
            "ndr": None if ndr is None else {"status": ndr.status, "eml": ndr.eml.decode("latin-1")},
            "events": [event.as_dict() for event in self.events],
            "expected": None if self.expectation is None else self.expectation.model_dump(exclude_defaults=True),
            "unmet": list(self.unmet),
            "failed_step": self.failed_step,
            "fates": [{"outcome": fate.outcome, "attempts": len(fate.attempts)} for fate in self.fates],
            "mailbox": [_stored(message) for message in self.mailbox],
            "queue": [row.as_dict() for row in self.timeline],
            "eventlog": [entry.as_dict() for entry in self.eventlog],
        }

    def as_json(self) -> str:
        """The report as indented JSON in ASCII."""
        return json.dumps(self.as_dict(), indent=2)


def _said(said: Said) -> dict[str, object]:
    """A line of the first attempt, as the sender saw it."""
    return {"time": round(said.time, 6), "direction": said.direction, "text": said.text}


def _stored(message: StoredMessage) -> dict[str, object]:
    return {
        "time": round(message.time, 6),
        "verb": message.verb,
        "octets": len(message.content),
        "sha256": message.sha256,
        "properties": None if message.blob is None else len(message.blob),
        "encrypted": message.tls,
    }
