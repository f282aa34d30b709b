"""A record fits into a line that systemd-journald keeps whole, whatever the peers say."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.inspection.effects import Record
from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.shadow import ShadowedInspector
from smtpguard.inspection.telling import json_octets
from smtpguard.policy.actions import Mask
from smtpguard.smtp.sides import CLIENT, SERVER, Side
from tests.inspection.rulebooks import PASS
from tests.playbook import rule, rulebook

LINE_MAX = 49_152
OCTETS = [b"a", b"\x01", b"\xff", b'"']
Turns = list[tuple[Side, bytes]]
OPENING: Turns = [(SERVER, b"220 mx\r\n"), (CLIENT, b"EHLO a\r\n"), (SERVER, b"250 mx\r\n")]


def records(box: Inspector, turns: Turns) -> list[Record]:
    box.start()
    effects = [effect for side, data in turns for effect in box.receive(side, data)]
    return [effect for effect in effects if isinstance(effect, Record)]


def message(sender: bytes, recipient: bytes) -> Turns:
    return [
        *OPENING,
        *((CLIENT, b"MAIL FROM:<" + sender + b">\r\n"), (SERVER, b"250 ok\r\n")),
        *((CLIENT, b"RCPT TO:<" + recipient + b">\r\n"), (SERVER, b"250 ok\r\n")) * 100,
        *((CLIENT, b"DATA\r\n"), (SERVER, b"354 go\r\n"), (CLIENT, b".\r\n"), (SERVER, b"250 ok\r\n")),
    ]


@pytest.mark.parametrize("octet", OCTETS)
def test_a_message_to_a_hundred_recipients_of_two_kib(octet: bytes) -> None:
    """As many as have room are named, all are counted; 217 to 1,297 KB were written of them."""
    [told] = [r for r in records(Inspector(PASS), message(octet * 16_000, octet * 2000)) if r.event == "message"]
    assert told.fields["recipient_count"] == 100
    assert told.fields["recipients"]
    assert len(json.dumps(told.fields, ensure_ascii=False).encode()) < LINE_MAX


def test_a_hundred_recipients_of_lawful_length_are_all_named() -> None:
    recipient = b"a" * 64 + b"@" + b"b" * 189
    [told] = [r for r in records(Inspector(PASS), message(b"", recipient)) if r.event == "message"]
    assert told.fields["recipients"] == [recipient.decode()] * 100


@pytest.mark.parametrize("octet", OCTETS)
def test_a_keyword_without_an_end(octet: bytes) -> None:
    box = Inspector(rulebook(rule("mask", "keyword", Mask("letters"))))
    offer = b"250-mx\r\n250 " + octet * 60_000 + b"\r\n"
    [told] = [r for r in records(box, [*OPENING[:2], (SERVER, offer)]) if r.event == "keyword-masked"]
    assert len(json.dumps(told.fields, ensure_ascii=False).encode()) < 1000


@pytest.mark.parametrize("octet", OCTETS)
def test_the_recipients_of_an_xexch50(octet: bytes) -> None:
    turns: Turns = [*OPENING, (CLIENT, b"XEXCH50 2 " + octet * 16_000 + b"\r\n"), (SERVER, b"500 no\r\n")]
    [told] = [r for r in records(Inspector(PASS), turns) if r.event == "xexch50"]
    assert len(json.dumps(told.fields, ensure_ascii=False).encode()) < 1000


@pytest.mark.parametrize("octet", [*OCTETS, b"\0"])
@pytest.mark.parametrize("size", [3000, 24_000, 60_000])
def test_a_transcript_of_a_server_that_says_much(octet: bytes, size: int) -> None:
    """It was bounded in octets before they became JSON, and by what came before the last reply."""
    box = ShadowedInspector(PASS, None, transcribe=True)
    said: Turns = [(CLIENT, b"RSET\r\n"), (SERVER, b"250 " + octet * size + b"\r\n")]
    records(box, [*OPENING, *said * 20])
    assert len(json.dumps(box.summary(), ensure_ascii=False).encode()) < LINE_MAX


def test_a_transcript_of_a_text_full_of_nul() -> None:
    box = ShadowedInspector(PASS, None, transcribe=True)
    text = (b"." + b"\0" * 4000 + b"\r\n") * 10
    records(box, [*OPENING, (CLIENT, b"DATA\r\n"), (SERVER, b"354 go\r\n"), (CLIENT, text)])
    assert len(json.dumps(box.summary(), ensure_ascii=False).encode()) < LINE_MAX


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_octets_in_json_are_those_that_are_written(text: str) -> None:
    assert json_octets(text) == len(orjson.dumps(text)) - 2
