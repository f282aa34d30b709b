"""The short way of nearly every read gives what ``receive`` gives, and leaves nothing behind where it is not taken."""

from __future__ import annotations

from hypothesis import given

from smtpguard.inspection.effects import Effect, Send
from smtpguard.inspection.inspector import Inspector
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.sides import CLIENT, SERVER, Side, other
from tests.inspection.rulebooks import rulebooks
from tests.inspection.strategies import Unit, choices, units
from tests.inspection.test_laws import Garbage, feeds, seeds, steps
from tests.inspection.world import converse, replay
from tests.playbook import rulebook
from tests.playbook.slicing import AtRandom


class _Linked(Inspector):
    """Asked as the relay asks: the short way first."""

    taken = 0

    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]:
        behind = self.shortcut(side)(data, now or 0.0)
        if behind is not None:
            self.taken += 1
            return [Send(other(side), data), *behind]
        return super().receive(side, data, now)


@given(book=rulebooks(), script=units(polite=False), choices=choices, seed=seeds)
def test_sessions_run_alike(book: Rulebook, script: list[Unit], choices: list[int], seed: int) -> None:
    slicing = AtRandom(seed)
    linked = converse(lambda: _Linked(book), script, choices, slicing)
    plain = converse(lambda: Inspector(book), script, choices, slicing)
    assert linked.outcomes == plain.outcomes
    assert linked.shell.inspector.summary() == plain.shell.inspector.summary()


@given(book=rulebooks(), garbage=feeds, seed=seeds)
def test_garbage_too(book: Rulebook, garbage: Garbage, seed: int) -> None:
    trace = steps(garbage)
    linked, linked_outcomes = replay(lambda: _Linked(book), trace, AtRandom(seed))
    plain, plain_outcomes = replay(lambda: Inspector(book), trace, AtRandom(seed))
    assert linked_outcomes == plain_outcomes
    assert linked.inspector.summary() == plain.inspector.summary()


def test_an_ordinary_session_takes_it() -> None:
    inspector = _Linked(rulebook())
    said = [(SERVER, b"220 mx.example\r\n")]
    for line in (b"EHLO a.example", b"MAIL FROM:<a@b.example>", b"RCPT TO:<c@d.example>"):
        said += [(CLIENT, line + b"\r\n"), (SERVER, b"250 ok\r\n")]
    said += [(CLIENT, b"DATA\r\n"), (SERVER, b"354 go\r\n"), (CLIENT, b"Subject: x\r\n"), (CLIENT, b"\r\ny\r\n.\r\n")]
    said += [(SERVER, b"250 taken\r\n"), (CLIENT, b"QUIT\r\n"), (SERVER, b"221 bye\r\n")]
    for side, octets in said:
        assert inspector.receive(side, octets)[0] == Send(other(side), octets)
    assert inspector.taken == len(said)
    assert inspector.summary()["messages_accepted"] == 1
