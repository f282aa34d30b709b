"""How a run should end: what a scenario expects of one firewall policy, and what of it did not come true.

A bare word is the outcome alone (``eat-blob: ndr``). Whatever an ending says nothing of is not asked for, but for one
thing: a message that was delivered lies in the mailbox once, octet for octet, and one that was returned does not. A
message is lost that the sender takes for delivered and the receiver never had: only a firewall that lies may do that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

if TYPE_CHECKING:
    from smtpguard.lab.result import RunResult

Outcome = Literal["delivered", "ndr", "lost"]


class Ending(BaseModel):
    """``attempts``, ``step`` and ``status`` are those of the first message; the rest is the whole run's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    outcome: Outcome
    attempts: PositiveInt | None = None
    step: int | None = Field(default=None, ge=1, le=15)  # of KB818222, the one that failed in the last attempt
    status: str | None = None  # of the NDR, as in RFC 3463
    delay_notice: bool | None = None
    events: tuple[PositiveInt, ...] = ()  # ids that must be in an event log
    silent: tuple[PositiveInt, ...] = ()  # ids that must not
    copies: int | None = Field(default=None, ge=0)  # in the mailbox; the rule of the header where left out
    properties: bool | None = None  # whether every stored message came with its XEXCH50 data
    encrypted: bool | None = None  # whether every stored message came over TLS

    @model_validator(mode="before")
    @classmethod
    def _bare_word(cls, value: object) -> object:
        return {"outcome": value} if isinstance(value, str) else value


def unmet(ending: Ending | None, result: RunResult) -> tuple[str, ...]:
    """What did not come true, a sentence each; without an ending only that nothing was lost and called delivered."""
    if ending is None:
        lost = result.outcome != "ndr" and not result.intact and not (result.outcome == "lost" and result.firewall_lies)
        return ("a message was reported delivered and is not in the mailbox as it was sent",) if lost else ()
    return (*_asked(ending, result), *_octets(ending, result))


def _asked(ending: Ending, result: RunResult) -> list[str]:
    fate = result.fate
    pairs: tuple[tuple[str, object, object], ...] = (
        ("outcome", ending.outcome, result.outcome),
        ("attempts", ending.attempts, len(fate.attempts)),
        ("failed step", ending.step, result.failed_step),
        ("status", ending.status, fate.ndr.status if fate.ndr is not None else None),
        ("delay notice", ending.delay_notice, fate.delay is not None),
        ("message properties", ending.properties, result.properties_arrived),
        ("encrypted", ending.encrypted, result.encrypted),
    )
    said = [
        f"{name}: expected {_word(asked)}, seen {_word(seen)}"
        for name, asked, seen in pairs
        if asked not in (None, seen)
    ]
    seen_ids = {entry.event_id for entry in result.eventlog}
    said += [f"event {number}: expected in a log, in none" for number in _missing(ending.events, seen_ids)]
    said += [f"event {number}: expected in no log, in one" for number in ending.silent if number in seen_ids]
    return said


def _missing(asked: Sequence[int], seen: set[int]) -> list[int]:
    return [number for number in asked if number not in seen]


def _octets(ending: Ending, result: RunResult) -> list[str]:
    if ending.copies is None:
        if ending.outcome == "delivered":
            return (
                []
                if result.intact or result.outcome == "lost"
                else ["mailbox: expected the message once and unchanged, found it otherwise"]
            )
        return [f"mailbox: expected empty, holds {len(result.mailbox)}"] if result.mailbox else []
    said = []
    if len(result.mailbox) != ending.copies:
        said.append(f"mailbox: expected {ending.copies} messages, holds {len(result.mailbox)}")
    if any(stored.content not in result.messages for stored in result.mailbox):
        said.append("mailbox: holds a message that differs from what was sent")
    return said


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
