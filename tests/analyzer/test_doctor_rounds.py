"""The path doctor before every receiver and persona: the expected findings, and the names."""

from __future__ import annotations

import pytest

from smtpguard.policy import library
from tests.analyzer.doctor_page import page
from tests.analyzer.doctor_rounds import BARE, PAGE, RECEIVERS, outcome, personas, rounds_of, table

# Shipped policies that imitate no box: faults for test suites, and protection.
NO_BOXES = ("fault-", "harden")


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_what_is_found_and_who_is_named(receiver: str) -> None:
    rounds = rounds_of(receiver)
    seen = {
        persona: {
            "status": one.status,
            "findings": list(one.findings),
            "suspects": list(one.suspects),
            "outcome": outcome(rounds, persona),
        }
        for persona, one in rounds.items()
    }
    assert seen == table()[receiver], "`make golden` writes the table anew; read what changed"


def test_nobody_is_named_where_nobody_is() -> None:
    for receiver in RECEIVERS:
        for persona in (BARE, "pass"):
            assert table()[receiver][persona]["suspects"] == []
            assert table()[receiver][persona]["outcome"] == "traceless"


def test_nine_in_ten_of_those_that_leave_a_trace_are_named() -> None:
    outcomes = [str(table()[receiver][persona]["outcome"]) for receiver in RECEIVERS for persona in personas()]
    traced = [one for one in outcomes if one != "traceless"]
    assert sum(one in ("named", "same") for one in traced) >= 0.9 * len(traced)


def test_each_persona_is_named_before_at_least_one_receiver() -> None:
    named = {
        persona
        for persona in personas()
        if any(table()[receiver][persona]["outcome"] in ("named", "same") for receiver in RECEIVERS)
    }
    assert set(personas()) - named == {"pass"}


def test_the_confusion_matrix_is_printed_and_is_the_documented_one(capsys: pytest.CaptureFixture[str]) -> None:
    print(page())  # noqa: T201 - it is there to be read, with -s or in a failure
    assert "## Confusion matrix" in capsys.readouterr().out
    assert PAGE.read_text(encoding="utf-8") == page(), "`make golden` writes it anew"


def test_every_policy_that_imitates_a_box_has_a_fingerprint() -> None:
    known = {name.partition(":")[0] for name in personas()}
    assert {name for name in library.shipped() if not name.startswith(NO_BOXES)} == known
