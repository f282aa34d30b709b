"""The laws of inspection that hold for any octets at all: transparency, slicing, bounds, contained crashes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpguard.policy.actions import Record
from smtpguard.policy.rulebook import Facts, Rulebook
from smtpguard.smtp.sides import CLIENT, SERVER, Side
from tests.inspection.rulebooks import PASS, WATCH, rulebooks
from tests.inspection.strategies import Unit, choices, client_garbage, server_garbage, units
from tests.inspection.world import converse, replay
from tests.playbook import SLICINGS, inspector, rule, rulebook
from tests.playbook.runner import Outcome, Shell
from tests.playbook.slicing import AtRandom
from tests.playbook.steps import Eof, Feed, Input

HELD_AT_MOST = 64 * 1024 + 64 * 1024  # what the design allows, and one read on top of it

Garbage = list[tuple[Side, bytes]]
feeds = st.lists(
    st.tuples(st.just(CLIENT), client_garbage) | st.tuples(st.just(SERVER), server_garbage), min_size=1, max_size=12
)
seeds = st.integers(0, 9999)


def steps(garbage: Garbage, first_eof: Side | None = None) -> list[Input]:
    """Feeds, then a FIN from each side; ``first_eof`` sends its own half-way and nothing more."""
    half = len(garbage) // 2
    early: list[Input] = [Feed(side, data) for side, data in garbage[:half]]
    late: list[Input] = [Feed(side, data) for side, data in garbage[half:] if side is not first_eof]
    middle: list[Input] = [Eof(first_eof)] if first_eof else []
    return [*early, *middle, *late, *(Eof(side) for side in (CLIENT, SERVER) if side is not first_eof)]


def errors(outcomes: Sequence[Outcome]) -> str:
    return "\n".join(outcome.error for outcome in outcomes if outcome.error)


def sent(outcomes: Sequence[Outcome], side: Side) -> bytes:
    return b"".join(bytes(outcome.sent[side]) for outcome in outcomes)


def fed(trace: Sequence[Input], side: Side) -> bytes:
    return b"".join(step.data for step in trace if isinstance(step, Feed) and step.side is side)


def assert_transparent(trace: Sequence[Input], outcomes: Sequence[Outcome], shell: Shell) -> None:
    assert not errors(outcomes), errors(outcomes)
    assert sent(outcomes, SERVER) == fed(trace, CLIENT)
    assert sent(outcomes, CLIENT) == fed(trace, SERVER)
    assert shell.inspector.held == 0
    marks = [mark for outcome in outcomes for mark in outcome.marks]
    assert "reset" not in marks
    assert {"finished client", "finished server"} <= set(marks) or marks[-1:] == ["closed"]


@given(garbage=feeds, first_eof=st.sampled_from([None, CLIENT, SERVER]), seed=seeds)
def test_law_1_garbage_passes_octet_for_octet(garbage: Garbage, first_eof: Side | None, seed: int) -> None:
    trace = steps(garbage, first_eof)
    for slicing in (*SLICINGS.values(), AtRandom(seed)):
        shell, outcomes = replay(inspector(PASS), trace, slicing)
        assert_transparent(trace, outcomes, shell)


@given(script=units(polite=False), choices=choices, seed=seeds)
def test_law_1_sessions_pass_octet_for_octet(script: list[Unit], choices: list[int], seed: int) -> None:
    for slicing in (*SLICINGS.values(), AtRandom(seed)):
        session = converse(inspector(PASS), script, choices, slicing)
        assert_transparent(session.trace, session.outcomes, session.shell)


@given(garbage=feeds)
def test_law_1_holds_for_the_policy_that_ships(garbage: Garbage) -> None:
    trace = steps(garbage)
    shell, outcomes = replay(inspector("pass"), trace, SLICINGS["whole"])
    assert_transparent(trace, outcomes, shell)


def assert_same_however_cut(book: Rulebook, trace: Sequence[Input], seed: int) -> None:
    _, at_once = replay(inspector(book), trace, SLICINGS["whole"])
    assert not errors(at_once), errors(at_once)
    for name, slicing in {**SLICINGS, "drawn": AtRandom(seed)}.items():
        _, outcomes = replay(inspector(book), trace, slicing)
        for step, one, two in zip((None, *trace), at_once, outcomes, strict=True):
            assert one.comparable() == two.comparable(), (name, step)


@given(book=rulebooks() | st.just(WATCH), script=units(polite=False), choices=choices, seed=seeds)
def test_law_2_slicing_does_not_matter(book: Rulebook, script: list[Unit], choices: list[int], seed: int) -> None:
    session = converse(inspector(book), script, choices)
    assert_same_however_cut(book, session.trace, seed)


@given(book=rulebooks() | st.sampled_from([WATCH, PASS]), garbage=feeds, seed=seeds)
def test_law_2_slicing_does_not_matter_for_garbage(book: Rulebook, garbage: Garbage, seed: int) -> None:
    assert_same_however_cut(book, steps(garbage), seed)


@given(book=rulebooks(), script=units(polite=False), choices=choices)
def test_the_same_input_gives_the_same_effects(book: Rulebook, script: list[Unit], choices: list[int]) -> None:
    one, two = (converse(inspector(book, seed=7), script, choices) for _ in range(2))
    assert [outcome.comparable() for outcome in one.outcomes] == [outcome.comparable() for outcome in two.outcomes]


GREETED = [Feed(SERVER, b"220 mx ESMTP\r\n")]
BEFORE_THE_FLOOD: dict[str, list[Input]] = {
    "nothing": [],
    "greeting": GREETED,
    "EHLO owed": [*GREETED, Feed(CLIENT, b"EHLO a\r\n"), Feed(SERVER, b"250-mx\r\n")],
    "DATA owed": [*GREETED, Feed(CLIENT, b"DATA\r\n")],
    "text": [*GREETED, Feed(CLIENT, b"DATA\r\n"), Feed(SERVER, b"354 go\r\n")],
    "XEXCH50 owed": [*GREETED, Feed(CLIENT, b"XEXCH50 99999999 2\r\n")],
    "blob": [*GREETED, Feed(CLIENT, b"XEXCH50 99999999 2\r\n"), Feed(SERVER, b"354 go\r\n")],
    "chunk": [*GREETED, Feed(CLIENT, b"BDAT 99999999 LAST\r\n")],
    "AUTH owed": [*GREETED, Feed(CLIENT, b"AUTH LOGIN\r\n")],
    "AUTH line": [*GREETED, Feed(CLIENT, b"AUTH LOGIN\r\n"), Feed(SERVER, b"334 x\r\n")],
    "STARTTLS owed": [*GREETED, Feed(CLIENT, b"STARTTLS\r\n")],
    "tunnel": [*GREETED, Feed(CLIENT, b"STARTTLS\r\n"), Feed(SERVER, b"220 go\r\n")],
    "TURN owed": [*GREETED, Feed(CLIENT, b"TURN\r\n")],
}
FLOOD = HELD_AT_MOST + 20_000
FLOODED = min(200, settings.default.max_examples // 4)  # a flood costs a thousand times what a session does
FLOODS = [
    b"x",
    b"NOOP\r\n",
    b"250-x\r\n",
    b"250 x\r\n",
    b"\r",
    b"\n",
    b"\r\n.\r\n",
    b"\x00",
    b"BDAT 1\r\n",
    b"DATA\r\n",
]


@pytest.mark.parametrize("context", BEFORE_THE_FLOOD)
@settings(max_examples=FLOODED)
@given(
    book=rulebooks() | st.sampled_from([WATCH, PASS]),
    side=st.sampled_from([CLIENT, SERVER]),
    scrap=st.sampled_from(FLOODS),
)
def test_law_6_no_input_makes_a_session_hold_more(context: str, book: Rulebook, side: Side, scrap: bytes) -> None:
    flood = scrap * (FLOOD // len(scrap))
    for slicing in (SLICINGS["whole"], AtRandom(4)):
        shell, outcomes = replay(inspector(book), [*BEFORE_THE_FLOOD[context], Feed(side, flood)], slicing)
        assert not errors(outcomes), errors(outcomes)
        assert shell.most_held <= HELD_AT_MOST


@given(book=rulebooks() | st.just(WATCH), garbage=feeds)
def test_no_octets_at_all_make_the_inspector_raise(book: Rulebook, garbage: Garbage) -> None:
    _, outcomes = replay(inspector(book), steps(garbage), SLICINGS["whole"])
    assert not errors(outcomes), errors(outcomes)


WHERES = ["connect", "greeting", "keyword", "command", "reply", "payload", "line", "message", "violation"]
SHARED = max(100, settings.default.max_examples // len(WHERES))  # the law's examples, over all the places


def crashing(where: str, on_crash: str, crashes: list[int]) -> Rulebook:
    """A rulebook whose one rule raises whenever it is asked."""

    def raises(facts: Facts) -> bool:
        crashes.append(1)
        raise KeyError("a rule's own mistake")

    return rulebook(rule("broken", where, Record(), when=raises), on_crash=on_crash)  # type: ignore[arg-type]


@pytest.mark.parametrize("where", WHERES)
@settings(max_examples=SHARED)
@given(script=units(), choices=choices)
def test_law_8_a_crash_closes_by_default(where: str, script: list[Unit], choices: list[int]) -> None:
    crashes: list[int] = []
    session = converse(inspector(crashing(where, "close", crashes)), script, choices)
    recorded = session.events("rule-crashed")
    assert len(recorded) == len(crashes) <= 1
    if crashes:
        assert recorded[0]["rule"] == "broken"
        assert session.marks == ["closed"]
        assert b"421 " in session.received


@pytest.mark.parametrize("where", WHERES)
@settings(max_examples=SHARED)
@given(script=units(), choices=choices)
def test_law_8_a_crash_opens_only_where_written(where: str, script: list[Unit], choices: list[int]) -> None:
    crashes: list[int] = []
    session = converse(inspector(crashing(where, "pass", crashes)), script, choices)
    without = converse(inspector(rulebook()), script, choices)
    assert len(session.events("rule-crashed")) == len(crashes)
    assert (session.received, session.forwarded) == (without.received, without.forwarded)
    assert session.marks == without.marks
