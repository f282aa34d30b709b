"""The short way of nearly every read gives what ``receive`` gives, and leaves nothing behind where it is not taken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtpguard.inspection.effects import Effect, Send
from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.server_flow import ServerFlow
from smtpguard.inspection.terms import Terms
from smtpguard.policy import library
from smtpguard.policy.actions import Delay, Reject, Slice
from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.dialogue import Exchange
from smtpguard.smtp.sides import CLIENT, SERVER, Side, other
from tests.inspection.rulebooks import rulebooks
from tests.inspection.strategies import Unit, choices, units
from tests.inspection.test_laws import Garbage, feeds, seeds, steps
from tests.inspection.walking import walk
from tests.inspection.world import converse, replay
from tests.playbook import rule, rulebook
from tests.playbook.runner import Shell
from tests.playbook.slicing import AtRandom, whole
from tests.playbook.steps import Feed


class _Linked(Inspector):
    """Asked as the relay asks: the short ways that it was given at the beginning first."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.taken: list[bytes] = []
        self._ways = {side: self.shortcut(side) for side in (CLIENT, SERVER)}

    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]:
        assert now is not None
        behind = self._ways[side](data, now)
        if behind is not None:
            self.taken.append(data)
            return [Send(other(side), data), *behind]
        return super().receive(side, data, now)


class _LongServerFlow(ServerFlow):
    """Takes no reply for one of the kind of nearly every one."""

    def _plain(self, head: Exchange, code: int) -> bool:
        return False


class _LongWay(Inspector):
    """Never takes a short way; ``Inspector.receive`` itself does."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._server_flow = self._session.server_flow = _LongServerFlow(self._session, SERVER, CLIENT)

    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]:
        session = self._begin(now)
        if not session.closed:
            self._flow(side).receive(data)
            if session.draining:
                self._drain_if_safe()
        return session.effects


def assert_alike(linked: Inspector, plain: Inspector) -> None:
    assert linked.summary() == plain.summary()
    assert (linked.deadline, linked.held, linked.payload_octets) == (plain.deadline, plain.held, plain.payload_octets)


@given(book=rulebooks(), script=units(polite=False), choices=choices, seed=seeds)
def test_sessions_run_alike(book: Rulebook, script: list[Unit], choices: list[int], seed: int) -> None:
    slicing = AtRandom(seed)
    linked = converse(lambda: _Linked(book), script, choices, slicing)
    plain = converse(lambda: _LongWay(book), script, choices, slicing)
    assert linked.outcomes == plain.outcomes
    assert_alike(linked.shell.inspector, plain.shell.inspector)


@given(book=rulebooks(), garbage=feeds, seed=seeds)
def test_garbage_too(book: Rulebook, garbage: Garbage, seed: int) -> None:
    trace = steps(garbage)
    linked, linked_outcomes = replay(lambda: _Linked(book), trace, AtRandom(seed))
    plain, plain_outcomes = replay(lambda: _LongWay(book), trace, AtRandom(seed))
    assert linked_outcomes == plain_outcomes
    assert_alike(linked.inspector, plain.inspector)


SLOW = rulebook(rule("slow", "reply", Slice(octets=3, seconds=0.5), verb="EHLO"), turn="swap")
CUT = rulebook(
    rule("end", "message", Reject(), when=lambda facts: facts.split_end),
    rule("verb", "command", Reject(), verb="MAIL", when=lambda facts: facts.split_verb),
)
BOOKS = tuple(load_policy(name, observe=observe) for name in library.shipped() for observe in (False, True))
ANY_BOOK = rulebooks() | rulebooks(turn="swap") | st.sampled_from(BOOKS) | st.sampled_from((SLOW, CUT))
TERMS = (Terms(), Terms(), Terms(starttls="bridge", offer="missing"), Terms(starttls="strip"), Terms(tls=True))


@settings(max_examples=8 * settings.default.max_examples)
@given(book=ANY_BOOK, terms=st.sampled_from(TERMS), seed=seeds)
def test_walks_run_alike(book: Rulebook, terms: Terms, seed: int) -> None:
    one, two = _Linked(book, terms=terms, number=seed), _LongWay(book, terms=terms, number=seed)
    linked, plain = Shell(one, whole), Shell(two, whole)
    assert linked.start() == plain.start()
    for step in walk(Random(seed), linked, one):
        outcome = linked.step(step)
        assert not outcome.error, outcome.error
        assert outcome == plain.step(step), step
        assert_alike(one, two)


def test_walks_come_everywhere() -> None:
    """Else the test above would say little."""
    places: Counter[tuple[str, ...]] = Counter()
    for seed in range(300):
        one = _Linked(rulebook(turn="swap"), number=seed)
        shell = Shell(one, whole)
        shell.start()
        for step in walk(Random(seed), shell, one):
            pending = one._session.dialogue.pending
            place = (
                (step.side.value, pending[0].stage, pending[0].command.name)
                if pending and isinstance(step, Feed)
                else ()
            )
            before = len(one.taken)
            shell.step(step)
            places[place] += len(one.taken) - before
    for place in (
        ("client", "text", "DATA"), ("client", "chunk", "BDAT"), ("client", "blob", "XEXCH50"),
        ("server", "greeting", ""), ("server", "command", "MAIL"), ("server", "command", "DATA"),
        ("server", "text", "DATA"), ("server", "chunk", "BDAT"),
    ):  # fmt: skip
        assert places[place] >= 10, place


GREETED: tuple[tuple[Side, bytes], ...] = ((SERVER, b"220 mx.example\r\n"),)
TURNED = (*GREETED, (CLIENT, b"TURN\r\n"), (SERVER, b"250 OK\r\n"))
IN_TEXT = (*GREETED, (CLIENT, b"DATA\r\n"), (SERVER, b"354 go\r\n"))


@pytest.mark.parametrize(
    ("opening", "side", "octets"),
    [
        ((*TURNED, (CLIENT, b"220 a\r\n")), CLIENT, b"NOOP\r\n"),
        (TURNED, SERVER, b"220 mx.example\r\n"),
        ((*GREETED, (CLIENT, b"VRFY late\r\n")), CLIENT, b"NOOP\r\n"),
        ((*GREETED, (CLIENT, b"DATA\r\n")), SERVER, b"334 x\r\n"),
        (IN_TEXT, SERVER, b"250 OK\r\n"),
        ((*IN_TEXT, (CLIENT, b".\r\n")), SERVER, b"354 go\r\n"),
    ],
)
def test_what_takes_the_long_way(opening: Sequence[tuple[Side, bytes]], side: Side, octets: bytes) -> None:
    book = rulebook(rule("late", "command", Delay(seconds=9.0), verb="VRFY"), turn="swap")
    one, two = _Linked(book), _LongWay(book)
    linked, plain = Shell(one, whole), Shell(two, whole)
    for step in (*opening, (side, octets)):
        one.taken.clear()
        assert linked.step(Feed(*step)) == plain.step(Feed(*step)), step
        assert_alike(one, two)
    assert one.taken == []


def test_an_ordinary_session_takes_it() -> None:
    inspector = _Linked(rulebook())
    said = [(SERVER, b"220 mx.example\r\n")]
    for line in (b"EHLO a.example", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>"):
        said += [(CLIENT, line + b"\r\n"), (SERVER, b"250 ok\r\n")]
    said += [(CLIENT, b"DATA\r\n"), (SERVER, b"354 go\r\n"), (CLIENT, b"Subject: x\r\n"), (CLIENT, b"\r\ny\r\n.\r\n")]
    said += [(SERVER, b"250 taken\r\n"), (CLIENT, b"QUIT\r\n"), (SERVER, b"221 bye\r\n")]
    for side, octets in said:
        assert inspector.receive(side, octets, 0.0)[0] == Send(other(side), octets)
    assert inspector.taken == [octets for _, octets in said]
    assert inspector.summary()["messages_accepted"] == 1
