"""The tally: what was observed is counted a rule and a peer, bounded, and written in lines that add up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from smtpguard.journal import tally
from smtpguard.journal.tally import OTHERS, RuleTally

Lines = list[tuple[str, dict[str, object]]]


def box() -> tuple[RuleTally, Lines, list[Callable[[], None]]]:
    lines: Lines = []
    timers: list[Callable[[], None]] = []
    counter = RuleTally(lambda event, fields: lines.append((event, fields)), lambda _, action: timers.append(action))
    return counter, lines, timers


def session(client: str, observed: dict[str, int], shadow: dict[str, int] | None = None) -> dict[str, Any]:
    fields: dict[str, Any] = {"client": client, "policy": "first", "observed": observed}
    return fields if shadow is None else {**fields, "shadow": {"policy": "second", "verdicts": shadow}}


def counted(lines: Lines) -> list[tuple[object, ...]]:
    return [tuple(fields.values()) for event, fields in lines if event == "rule-tally"]


def test_counts_a_rule_and_a_peer() -> None:
    counter, lines, _ = box()
    counter("session", session("192.0.2.1:7", {"a": 2}, {"b": 1}))
    counter("session", session("192.0.2.1:9", {"a": 3}))
    counter("session", session("[2001:db8::1]:9", {"a": 1}, {}))
    assert len(lines) == 3, "every record passes"
    counter.write()
    assert counted(lines) == [
        ("first", "observe", "a", "192.0.2.1", 5, 2),
        ("second", "shadow", "b", "192.0.2.1", 1, 1),
        ("first", "observe", "a", "2001:db8::1", 1, 1),
    ]


def test_lines_are_written_by_the_clock_and_hold_what_is_new() -> None:
    counter, lines, timers = box()
    counter("session", session("192.0.2.1:7", {"a": 2}))
    counter("session", session("192.0.2.1:7", {"a": 2}))
    assert len(timers) == 1, "one timer, whatever comes"
    timers[0]()
    counter.write()
    assert counted(lines) == [("first", "observe", "a", "192.0.2.1", 4, 2)]
    counter("session", session("192.0.2.1:7", {"a": 1}))
    assert len(timers) == 2


def test_too_many_peers_are_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "MAX_PAIRS", 2)
    counter, lines, _ = box()
    for number in range(5):
        counter("session", session(f"192.0.2.{number}:7", {"a": 1}))
    counter("session", session("192.0.2.0:7", {"a": 1}))
    counter.write()
    assert [(row[3], row[4]) for row in counted(lines)] == [("192.0.2.0", 2), ("192.0.2.1", 1), (OTHERS, 3)]


def test_what_is_not_observed_is_not_counted() -> None:
    counter, lines, timers = box()
    counter("session", {"client": "192.0.2.1:7", "policy": "first", "verdicts": {"a": 2}, "observed": {}})
    counter("command-rejected", {"rule": "a"})
    counter.write()
    assert counted(lines) == []
    assert timers == []
