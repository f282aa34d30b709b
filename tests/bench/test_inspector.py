"""The Inspector's micro-benchmark measures whole, accepted messages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.bodies import TEXTS
from bench.inspector import (
    OTHERS,
    RULES,
    SHADOW,
    conversation,
    inspect,
    measure_inspector,
    rulebook_of_others,
    under,
)
from bench.plan import Plan
from bench.progress import Progress
from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Rulebook


@pytest.fixture(params=["pass", "others"])
def rulebook(request: pytest.FixtureRequest, tmp_path: Path) -> Rulebook:
    return load_policy("pass") if request.param == "pass" else rulebook_of_others(tmp_path)


@pytest.mark.parametrize("kind", TEXTS)
def test_a_conversation_is_one_accepted_message_without_a_fault(kind: str, rulebook: Rulebook) -> None:
    summary = inspect(under(rulebook), conversation(TEXTS[kind](200_000))).summary()
    assert summary["commands"] == 5
    assert summary["messages_accepted"] == 1
    assert summary["violations"] == summary["decisions"] == 0


def test_the_generated_policy_has_its_rules_on_other_verbs(tmp_path: Path) -> None:
    book = rulebook_of_others(tmp_path)
    count = 0
    for place in (book.command, book.reply, book.payload):
        assert not place.known
        assert not {"EHLO", "MAIL", "RCPT", "DATA", "QUIT"} & set(place.named)
        here = sum(len(rules) for rules in place.named.values())
        assert here >= RULES // 3
        count += here
    assert count == RULES
    assert (book.on_uncertain, book.on_crash, book.turn) == ("tunnel", "pass", "tunnel"), "the settings of pass"


def test_every_case_has_a_cost_for_every_round(tmp_path: Path) -> None:
    plan = Plan(rounds=2, inspector_sessions=2, body_octets=100_000)
    measured = asyncio.run(measure_inspector(plan, tmp_path, Progress(quiet=True)))
    assert set(measured["sessions"]) == {"pass", OTHERS, SHADOW}
    assert set(measured["bodies"]) == set(TEXTS)
    for samples in measured.values():
        assert all(len(costs) == 2 and min(costs) > 0 for costs in samples.values())
