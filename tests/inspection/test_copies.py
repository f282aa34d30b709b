"""What a read of many small lines costs: each of its octets is copied a few times, however many lines it has."""

from __future__ import annotations

from typing import Any

import pytest

from smtpguard.inspection.effects import Effect, Finish, Pause, Send, joined
from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.opening import Opening
from smtpguard.inspection.shadow import ShadowedInspector
from smtpguard.inspection.transcribing import Transcriber
from smtpguard.policy.actions import Record, Reject, Slice
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.rulebooks import PASS
from tests.playbook import rule, rulebook

OCTETS = 32_768


class Counted(bytes):
    """Octets that count what is copied of them."""

    copied = 0

    def __getitem__(self, key: Any) -> Any:
        found = bytes.__getitem__(self, key)
        return self._copy(found) if isinstance(found, bytes) else found

    def __add__(self, other: Any) -> Counted:
        return self._copy(bytes(self) + bytes(other))

    def __radd__(self, other: Any) -> Counted:
        return self._copy(bytes(other) + bytes(self))

    @staticmethod
    def _copy(octets: bytes) -> Counted:
        Counted.copied += len(octets)
        return Counted(octets)


def copies(box: Inspector, side: Any, data: bytes) -> float:
    """How many octets are copied for each of ``data``."""
    Counted.copied = 0
    box.receive(side, Counted(data))
    return Counted.copied / len(data)


def in_text(box: Inspector) -> Inspector:
    """The same, with a text begun."""
    box.receive(SERVER, b"220 mx\r\n")
    for line, reply in ((b"MAIL FROM:<>", b"250"), (b"RCPT TO:<a@b.example>", b"250"), (b"DATA", b"354")):
        box.receive(CLIENT, line + b"\r\n")
        box.receive(SERVER, reply + b" ok\r\n")
    return box


def test_lines_of_a_message_that_rules_look_at() -> None:
    """64 KiB of lone LFs under cisco-asa took 0.16 s: each was joined to all before it."""
    box = in_text(Inspector(rulebook(rule("long", "line", Record(), when=lambda facts: facts.length > 998))))
    assert copies(box, CLIENT, b"\n" * OCTETS) < 400


def test_slices_that_leave_at_once_where_the_session_becomes_a_tunnel() -> None:
    box = in_text(Inspector(rulebook(rule("trickle", "payload", Slice(1, 1.0)))))
    box.receive(CLIENT, Counted(b"x" * OCTETS))
    Counted.copied = 0
    effects = box.let_through()
    assert [type(effect) for effect in effects if isinstance(effect, Send)] == [Send]
    assert Counted.copied < 400 * OCTETS


@pytest.mark.parametrize(
    "box",
    [
        Transcriber(PASS),
        ShadowedInspector(PASS, None, transcribe=True),
    ],
)
def test_lines_of_a_server_that_something_hears_one_by_one(box: Inspector) -> None:
    """64 KiB of LFs in a tunnel took 0.13 s with a transcript: all that was left was copied for each."""
    box.start()
    box.receive(SERVER, b"220 mx\r\n")
    assert copies(box, SERVER, b"250-a\r\n" * (OCTETS // 7)) < 10


def test_answers_of_our_own_among_the_replies_of_a_server() -> None:
    book = rulebook(rule("no", "command", Reject(500, "5.5.1", "No"), verb="VRFY"))
    box = ShadowedInspector(book, PASS)
    box.start()
    box.receive(SERVER, b"220 mx\r\n")
    box.receive(CLIENT, b"RSET\r\nVRFY a\r\n")
    assert copies(box, SERVER, b"250-a\r\n" * (OCTETS // 7)) < 10


def test_a_tunnel_is_not_heard_line_by_line() -> None:
    box = Transcriber(PASS)
    box.start()
    box.let_through()
    assert copies(box, SERVER, b"\n" * OCTETS) <= 2


def test_lines_of_a_server_that_the_guard_greets_itself() -> None:
    opening = Opening(name="[192.0.2.1]", tls="wanted")
    Counted.copied = 0
    opening.receive(Counted(b"220-a\r\n" * (OCTETS // 7)))
    assert Counted.copied < 10 * OCTETS
    assert opening.receive(b"220 b\r\n") == [Send(SERVER, b"EHLO [192.0.2.1]\r\n")]


def test_sends_in_a_row_are_one() -> None:
    effects: list[Effect] = [
        Send(CLIENT, b"a"), Send(CLIENT, b"b"), Send(SERVER, b"c"), Pause(CLIENT), Send(SERVER, b"d"),
        Send(SERVER, b"e"), Send(SERVER, b"f"), Finish(SERVER),
    ]  # fmt: skip
    assert joined(effects) == [
        Send(CLIENT, b"ab"), Send(SERVER, b"c"), Pause(CLIENT), Send(SERVER, b"def"), Finish(SERVER),
    ]  # fmt: skip
    assert joined([]) == []
