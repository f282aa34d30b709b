"""Law 6 where the octets are not held in a flow: commands whose replies are owed, recipients that were accepted; and
that a line in many pieces costs no more than the pieces."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from smtpguard.inspection.effects import Close, Pause, Record, Resume, Send
from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.payload_flow import MAX_OWN_REPLIES
from smtpguard.policy.actions import Reject
from smtpguard.policy.rulebook import ByVerb, Rule, Rulebook
from smtpguard.smtp.sides import CLIENT, SERVER, Side
from tests.inspection.rulebooks import WATCH
from tests.playbook import rulebook


def greeted_inspector() -> Inspector:
    """A greeted session, to be fed by hand: what is asked here no playbook shows."""
    inspector = Inspector(WATCH)
    inspector.receive(SERVER, b"220 mx\r\n")
    return inspector


def test_long_commands_that_are_not_answered_stop_the_client() -> None:
    inspector = greeted_inspector()
    line = b"RSET " + b"x" * 16_000 + b"\r\n"
    sent = 0
    while not any(isinstance(effect, Pause) for effect in inspector.receive(CLIENT, line)):
        sent += 1
        assert sent < 8
    answered = 0
    while not any(isinstance(effect, Resume) for effect in inspector.receive(SERVER, b"250 ok\r\n")):
        answered += 1
        assert answered <= sent
    assert not inspector.closed


def test_a_recipient_of_unlawful_length_is_counted_and_not_kept() -> None:
    inspector = greeted_inspector()
    long = b"RCPT TO:<" + b"x" * 16_000 + b">\r\n"
    for line in (b"MAIL FROM:<a@b>\r\n", long, b"RCPT TO:<c@d>\r\n"):
        inspector.receive(CLIENT, line)
        inspector.receive(SERVER, b"250 ok\r\n")
    inspector.receive(CLIENT, b"BDAT 3 LAST\r\nabc")
    effects = inspector.receive(SERVER, b"250 queued\r\n")
    [message] = [effect.fields for effect in effects if isinstance(effect, Record)]
    assert message["recipients"] == ["c@d"]
    assert message["recipient_count"] == 2


def test_octets_are_counted_by_side_and_once_when_the_roles_turn() -> None:
    inspector = Inspector(rulebook(turn="swap"))
    inspector.receive(SERVER, b"220 mx\r\n")
    inspector.receive(CLIENT, b"TURN\r\n" + b"220 me\r\n")
    inspector.receive(SERVER, b"250 ok\r\n" + b"NOOP\r\n")
    summary = inspector.summary()
    assert (summary["octets_from_client"], summary["octets_from_server"]) == (14, 22)


def test_a_flood_of_refused_commands_ends_the_session() -> None:
    """64 KiB of commands that a rule refuses must not become as many replies and records."""
    rule = Rule("r", "command", Reject(502, "5.5.1", "No"))
    box = Inspector(Rulebook("test", command=ByVerb(known=(rule,), unknown=(rule,))))
    box.receive(SERVER, b"220 mx\r\n")
    effects = box.receive(CLIENT, b"X\r\n" * 20_000)
    assert box.closed
    assert len([effect for effect in effects if isinstance(effect, Record)]) <= MAX_OWN_REPLIES + 2
    assert isinstance(effects[-1], Close)
    assert isinstance(effects[-2], Send)
    assert effects[-2].data.endswith(b"421 4.7.0 Too many refused commands, closing\r\n")
    assert box.summary()["verdicts"] == {"r": MAX_OWN_REPLIES + 1}


def searches(inspector: Inspector, side: Side, line: bytes) -> int:
    """How many patterns are tried while ``line`` comes octet by octet."""
    tried = 0

    def count(_frame: FrameType, event: str, called: object) -> None:
        nonlocal tried
        tried += event == "c_call" and getattr(called, "__name__", "") == "match"

    sys.setprofile(count)
    try:
        for octet in line:
            inspector.receive(side, bytes((octet,)))
    finally:
        sys.setprofile(None)
    return tried


@pytest.mark.parametrize("side", [CLIENT, SERVER])
@pytest.mark.parametrize("line", [b" " * 1000, b"x" * 1000, b"250 " + b"x" * 1000])
def test_a_line_that_comes_octet_by_octet_is_not_searched_anew_for_each(side: Side, line: bytes) -> None:
    """64 KiB of a reply took 25 seconds of CPU, 16 KiB of a command more than one."""
    assert searches(greeted_inspector(), side, line) <= 1
