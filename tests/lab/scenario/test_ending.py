"""What a scenario expects of a run, and each way in which it may not come true."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from smtpguard.lab.message import sample
from smtpguard.lab.run import run_scenario
from smtpguard.lab.scenario.ending import Ending, unmet
from smtpguard.lab.scenario.file import load_scenario

KB818222 = load_scenario("kb818222")
DELIVERED = run_scenario(KB818222, "none", sample())
RETURNED = run_scenario(KB818222, "close-on-xexch50", sample())


def test_a_bare_word_is_the_outcome() -> None:
    assert Ending.model_validate("ndr") == Ending(outcome="ndr")
    with pytest.raises(ValidationError):
        Ending.model_validate("gone")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"outcome": "ndr"}, "outcome: expected ndr, seen delivered"),
        ({"attempts": 2}, "attempts: expected 2, seen 1"),
        ({"step": 13}, "failed step: expected 13, seen none"),
        ({"status": "4.4.7"}, "status: expected 4.4.7, seen none"),
        ({"delay_notice": True}, "delay notice: expected yes, seen no"),
        ({"properties": False}, "message properties: expected no, seen yes"),
        ({"encrypted": True}, "encrypted: expected yes, seen no"),
        ({"events": [20031]}, "event 20031: expected in a log, in none"),
        ({"copies": 2}, "mailbox: expected 2 messages, holds 1"),
    ],
)
def test_what_a_delivery_may_fall_short_of(fields: dict[str, Any], sentence: str) -> None:
    assert sentence in unmet(Ending.model_validate({"outcome": "delivered", **fields}), DELIVERED)


def test_what_came_true_is_not_told() -> None:
    ending = Ending(outcome="delivered", attempts=1, delay_notice=False, properties=True, encrypted=False, copies=1)
    assert unmet(ending, DELIVERED) == ()
    ending = Ending(outcome="ndr", attempts=18, step=11, status="4.4.7", delay_notice=True, events=(20031, 4006))
    assert unmet(ending, RETURNED) == ()


def test_an_event_that_should_not_be_there() -> None:
    assert unmet(Ending(outcome="ndr", silent=(20031,)), RETURNED) == ("event 20031: expected in no log, in one",)


def test_a_message_that_is_lost_changed_or_doubled_is_told_even_where_nothing_is_expected() -> None:
    lost = replace(DELIVERED, mailbox=())
    changed = replace(DELIVERED, messages=(b"other",))
    doubled = replace(DELIVERED, mailbox=DELIVERED.mailbox * 2)
    for result in (lost, changed, doubled):
        assert len(unmet(None, result)) == 1
        assert len(unmet(Ending(outcome="delivered"), result)) == 1
    assert unmet(None, DELIVERED) == unmet(None, RETURNED) == ()


def test_a_message_may_be_lost_behind_a_firewall_that_lies_and_nowhere_else() -> None:
    lost = replace(DELIVERED, mailbox=())
    assert lost.outcome == "lost"
    assert unmet(None, replace(lost, firewall_lies=True)) == unmet(Ending(outcome="lost"), lost) == ()
    assert unmet(Ending(outcome="lost"), DELIVERED)[0] == "outcome: expected lost, seen delivered"


def test_a_returned_message_must_not_lie_in_the_mailbox_unless_copies_are_expected() -> None:
    both = replace(RETURNED, mailbox=DELIVERED.mailbox)
    assert unmet(Ending(outcome="ndr"), both) == ("mailbox: expected empty, holds 1",)
    assert unmet(Ending(outcome="ndr", copies=1), both) == ()
    assert unmet(Ending(outcome="ndr", copies=1), replace(both, messages=(b"other",))) == (
        "mailbox: holds a message that differs from what was sent",
    )
