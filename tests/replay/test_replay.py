"""A conversation fed to the Inspector: pauses, order, slices, ends and timers."""

from __future__ import annotations

import pytest

from smtpguard.inspection.flow import HELD_OCTETS
from smtpguard.policy.actions import Close, Delay, Eat, Reject, Reset, Tunnel
from smtpguard.policy.rulebook import Rulebook
from smtpguard.replay.captures import Conversation, End, Endpoint, Turn
from smtpguard.replay.replay import SLICE, Replay, replay, slices
from smtpguard.smtp.sides import CLIENT, SERVER, Side
from tests.playbook.rulebooks import rule, rulebook, shipped

GREETING, EHLO, HELLO = b"220 mx\r\n", b"EHLO a\r\n", b"250 mx\r\n"
DATA, GO, TEXT, DONE = b"DATA\r\n", b"354 go\r\n", b"hi\r\n.\r\n", b"250 ok\r\n"


def conversation(*turns: tuple[Side, bytes] | tuple[Side, bytes, End] | tuple[Side, bytes, End, float]) -> Conversation:
    return Conversation(
        Endpoint("198.51.100.7", 40000),
        Endpoint("192.0.2.25", 25),
        tuple(Turn(*turn) for turn in turns),
        {CLIENT: (), SERVER: ()},
        True,
    )


OPENING = ((SERVER, GREETING), (CLIENT, EHLO), (SERVER, HELLO))
BOTH_END = ((CLIENT, b"", "fin"), (SERVER, b"", "fin"))


def run(*turns: tuple[Side, bytes] | tuple[Side, bytes, End], book: Rulebook | None = None) -> Replay:
    return replay(conversation(*turns), book or shipped("pass"))


def events(found: Replay) -> list[str]:
    return [record.event for record in found.records]


def test_what_both_said_leaves_and_so_do_their_ends() -> None:
    found = run(*OPENING, (CLIENT, b"QUIT\r\n"), (SERVER, b"221 bye\r\n"), *BOTH_END)
    assert found.sent == {SERVER: EHLO + b"QUIT\r\n", CLIENT: GREETING + HELLO + b"221 bye\r\n"}
    assert found.finished == {CLIENT, SERVER}
    assert found.unread == {CLIENT: 0, SERVER: 0}
    assert found.held == 0
    assert not found.reset
    assert not found.tunnel
    assert found.summary["commands"] == 2


def test_a_paused_side_is_not_read_until_the_reply() -> None:
    text = b"x" * 998 + b"\r\n"
    text = text * (HELD_OCTETS // len(text) + 1) + b".\r\n"
    turns = (*OPENING, (CLIENT, DATA), (CLIENT, text), (CLIENT, b"QUIT\r\n"))
    waiting = run(*turns)
    assert waiting.sent[SERVER] == EHLO + DATA
    assert waiting.unread[CLIENT] + waiting.held == len(text + b"QUIT\r\n")
    assert waiting.unread[CLIENT] >= len(b"QUIT\r\n")
    answered = run(*turns, (SERVER, GO))
    assert answered.sent[SERVER] == EHLO + DATA + text + b"QUIT\r\n"
    assert answered.unread[CLIENT] == answered.held == 0


def test_an_end_waits_behind_what_is_unread() -> None:
    turns = (*OPENING, (CLIENT, DATA), (CLIENT, TEXT), (CLIENT, TEXT), (CLIENT, b"", "fin"))
    assert run(*turns).finished == set()
    assert run(*turns, (SERVER, GO)).finished == {SERVER}


def test_a_reply_that_answers_the_unread_comes_behind_it() -> None:
    """The server of the capture had the text when it said 250; the replay must not feed both replies first."""
    said = (*OPENING, (CLIENT, DATA), (CLIENT, b"hi\r\n"), (CLIENT, b".\r\n"), (SERVER, GO + DONE))
    found = run(*said)
    assert found.sent == {SERVER: EHLO + DATA + TEXT, CLIENT: GREETING + HELLO + GO + DONE}
    assert "message" in events(found)
    assert not found.tunnel


def test_octets_are_fed_in_slices_of_the_relay() -> None:
    assert [len(piece) for piece in slices(b"x" * (2 * SLICE + 1))] == [SLICE, SLICE, 1]
    body = b"x" * 76 + b"\r\n"
    turns = (*OPENING, (CLIENT, DATA), (SERVER, GO), (CLIENT, body * 3000 + b".\r\n"), (SERVER, DONE))
    found = run(*turns)
    assert len(found.sent[SERVER]) == len(EHLO + DATA + body * 3000 + b".\r\n")
    (message,) = [record for record in found.records if record.event == "message"]
    assert message.fields["size"] == len(body * 3000)


def test_the_cut_is_the_callers_to_choose() -> None:
    whole = conversation(*OPENING, (CLIENT, DATA), (SERVER, GO), (CLIENT, TEXT), (SERVER, DONE))
    pieces: list[int] = []

    def octets(data: bytes) -> list[bytes]:
        pieces.append(len(data))
        return [data[at : at + 1] for at in range(len(data))]

    found = replay(whole, shipped("pass"), cut=octets)
    assert pieces == [len(turn.data) for turn in whole.turns]
    assert 0 not in pieces
    assert found.sent == replay(whole, shipped("pass")).sent
    assert found.records == replay(whole, shipped("pass")).records


@pytest.mark.parametrize(("action", "reset"), [(Close(), False), (Reset(), True)])
def test_nothing_is_read_behind_a_close(action: Close | Reset, reset: bool) -> None:
    book = rulebook(rule("end-it", "command", action, verb="NOOP"))
    found = run(*OPENING, (CLIENT, b"NOOP\r\n"), (CLIENT, b"QUIT\r\n"), (SERVER, b"221\r\n"), book=book)
    assert found.closed
    assert found.reset == reset
    assert found.sent[SERVER] == EHLO
    assert found.unread == {CLIENT: 6, SERVER: 5}


def test_a_tunnel_reads_both_sides() -> None:
    book = rulebook(rule("blind", "command", Tunnel(), verb="STARTTLS"))
    turns = (*OPENING, (CLIENT, b"STARTTLS\r\n"), (CLIENT, b"\x16\x03"), (SERVER, b"\x16\x01"), (CLIENT, b"\n"))
    found = run(*turns, book=book)
    assert found.tunnel
    assert found.sent == {SERVER: EHLO + b"STARTTLS\r\n\x16\x03\n", CLIENT: GREETING + HELLO + b"\x16\x01"}


def test_a_reset_of_the_capture_is_a_lost_connection() -> None:
    found = run(*OPENING, (SERVER, b"", "reset"), (CLIENT, b"QUIT\r\n"), book=rulebook())
    assert found.closed
    assert found.unread[CLIENT] == 6


def test_the_peers_say_what_they_said_whatever_the_policy_did() -> None:
    book = rulebook(rule("no-noop", "command", Reject(550, "5.7.1", "No"), verb="NOOP"))
    found = run(*OPENING, (CLIENT, b"NOOP\r\n"), (CLIENT, b"RSET\r\n"), (SERVER, b"250 ok\r\n"), book=book)
    assert found.sent[SERVER] == EHLO + b"RSET\r\n"
    assert found.sent[CLIENT].startswith(GREETING + HELLO + b"550 5.7.1 No")
    assert found.sent[CLIENT].endswith(b"250 ok\r\n")
    assert events(found) == ["command-rejected"]


def test_what_is_eaten_stays_behind() -> None:
    book = rulebook(rule("eat", "reply", Eat(), verb="NOOP"))
    found = run(*OPENING, (CLIENT, b"NOOP\r\n"), (SERVER, b"250 ok\r\n"), book=book)
    assert found.sent[CLIENT] == GREETING + HELLO
    assert "stall" in events(found)


@pytest.mark.parametrize(("later", "sent"), [(1.0, EHLO), (9.0, EHLO + b"NOOP\r\n")])
def test_timers_run_at_the_captured_times(later: float, sent: bytes) -> None:
    book = rulebook(rule("slow", "command", Delay(5.0), verb="NOOP"))
    turns = (*OPENING, (CLIENT, b"NOOP\r\n", "", 0.5), (SERVER, b"", "fin", later))
    assert replay(conversation(*turns), book).sent[SERVER] == sent


def test_the_addresses_are_those_of_the_capture() -> None:
    seen: list[str] = []
    book = rulebook(
        rule("who", "connect", Close(), when=lambda facts: bool(seen.append(f"{facts.client} {facts.server}")))
    )
    replay(conversation(*OPENING), book)
    assert seen == ["198.51.100.7 192.0.2.25"]


def test_no_octet_is_in_a_repr() -> None:
    found = run(*OPENING)
    assert "EHLO" not in repr(found)
    assert "EHLO" not in repr(conversation(*OPENING))
