"""Transcripts: what was said comes back in its shape, without what must not be kept, however it was cut, bounded."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given

from smtpguard.inspection import transcribing
from smtpguard.inspection.shadow import ShadowedInspector
from smtpguard.inspection.terms import Terms
from smtpguard.inspection.transcribing import Transcriber
from smtpguard.policy.actions import Misread, Reject
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.sides import CLIENT, SERVER, Side
from tests.inspection.rulebooks import PASS, WATCH, rulebooks
from tests.inspection.strategies import Unit, choices, units
from tests.inspection.test_laws import Garbage, feeds, seeds, steps
from tests.inspection.world import converse, replay
from tests.playbook import rule, rulebook
from tests.playbook.slicing import SLICINGS, AtRandom

Turns = list[tuple[Side, bytes]]


def kept(*turns: tuple[Side, bytes]) -> dict[str, Any]:
    box = Transcriber(PASS)
    box.start(0.0)
    for side, data in turns:
        box.receive(side, data, 0.0)
    transcript: dict[str, Any] = box.transcript()
    assert json.loads(json.dumps(transcript)) == transcript
    return transcript


OPENING: Turns = [(SERVER, b"220 mx\r\n"), (CLIENT, b"EHLO a\r\n"), (SERVER, b"250 mx\r\n")]
OPENED = [["server", "220 mx\r\n"], ["client", "EHLO a\r\n"], ["server", "250 mx\r\n"]]


def message(text: bytes) -> list[object]:
    turns = kept(*OPENING, (CLIENT, b"DATA\r\n"), (SERVER, b"354 go\r\n"), (CLIENT, text))["turns"]
    assert turns[:5] == [*OPENED, ["client", "DATA\r\n"], ["server", "354 go\r\n"]]
    [[side, lines]] = turns[5:]
    assert side == "client"
    assert isinstance(lines, list)
    return lines


def test_commands_and_replies_are_kept() -> None:
    assert kept(*OPENING) == {"turns": OPENED, "ended": ""}


def test_of_a_message_its_lines_are_left() -> None:
    assert message(b"Subject: secret\r\n\r\n" + b"x" * 76 + b"\r\n" + b"y" * 76 + b"\r\nend\r\n.\r\n") == [
        17, 2, [78, 2], 5, ".\r\n",
    ]  # fmt: skip


@pytest.mark.parametrize("odd", [b"\n.\n", b"\r.\r", b"\r\n\0.\r\n", b"\r\n..\r\n", b"a\rb\r\n", b"a\n"])
def test_lines_that_matter_keep_what_matters(odd: bytes) -> None:
    text = b"ab" + odd + b"c\r\n.\r\n"
    shape = b"".join(line.encode() if isinstance(line, str) else b"x" * (line - 2) + b"\r\n" for line in message(text))  # type: ignore[operator]
    assert shape == re.sub(b"[abc]", b"x", text)


def test_a_line_that_never_ends_is_kept_in_pieces() -> None:
    lines = message(b"x" * 10_000)
    assert sum(abs(line) for line in lines if isinstance(line, int)) == 10_000


def test_a_blob_is_a_number() -> None:
    turns = [
        *OPENING,
        (CLIENT, b"XEXCH50 5 2\r\n"),
        (SERVER, b"354 go\r\n"),
        (CLIENT, b"a\r\nbc"),
        (SERVER, b"250 k\r\n"),
    ]
    assert kept(*turns)["turns"][5:] == [["client", 5], ["server", "250 k\r\n"]]


def test_chunks_are_lines_too() -> None:
    turns = kept(*OPENING, (CLIENT, b"BDAT 5\r\nab\r\nc"), (CLIENT, b"BDAT 3 LAST\r\nd\r\n"))["turns"]
    assert turns[3:] == [
        ["client", "BDAT 5\r\n"], ["client", [4, -1]], ["client", "BDAT 3 LAST\r\n"], ["client", [3]],
    ]  # fmt: skip


def test_auth_shows_nothing_but_its_shape() -> None:
    turns: Turns = [
        *OPENING, (CLIENT, b"AUTH LOGIN\r\n"), (SERVER, b"334 VXNlcm5hbWU6\r\n"), (CLIENT, b"c2VjcmV0\r\n"),
        (SERVER, b"535 no c2VjcmV0\r\n"), (CLIENT, b"XSECRET\r\n"), (SERVER, b"500 XSECRET?\r\n"),
    ]  # fmt: skip
    assert kept(*turns)["turns"][3:] == [
        ["client", "AUTH LOGIN\r\n"], ["server", "334 xxxxxxxxxxxx\r\n"], ["client", "xxxxxxxx\r\n"],
        ["server", "535 xx xxxxxxxx\r\n"], ["client", "xxxxxxx\r\n"], ["server", "500 xxxxxxxx\r\n"],
    ]  # fmt: skip


def test_a_server_that_echoes_what_it_does_not_know_gives_nothing_away() -> None:
    lines = b"NOOP\r\nc2VjcmV0\r\nVRFY a\r\n"
    transcript = kept(*OPENING, (CLIENT, lines), (SERVER, b"250 ok\r\n500 what is c2VjcmV0\r\n252 a\r\n"))
    assert transcript["turns"][3:] == [
        ["client", "NOOP\r\nxxxxxxxx\r\nVRFY a\r\n"], ["server", "250 ok\r\n500 xxxx xx xxxxxxxx\r\n252 a\r\n"],
    ]  # fmt: skip


def test_tls_is_not_kept() -> None:
    turns: Turns = [*OPENING, (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n"), (CLIENT, b"\x16\x03\x01hello")]
    transcript = kept(*turns)
    assert transcript["ended"] == "tunnel"
    assert transcript["turns"][-1] == ["server", "220 go\r\n"]


def test_nor_what_a_bridge_reads() -> None:
    box = ShadowedInspector(PASS, None, transcribe=True, terms=Terms("bridge"))
    turns: Turns = [*OPENING, (CLIENT, b"STARTTLS\r\n"), (SERVER, b"220 go\r\n")]
    for side, data in turns:
        box.receive(side, data, 0.0)
    for side in (SERVER, CLIENT):
        box.tls_started(side, 0.0)
    box.receive(CLIENT, b"EHLO secret\r\n", 0.0)
    summary: dict[str, Any] = box.summary()
    assert summary["tls"] is True
    assert summary["transcript"]["ended"] == "tunnel"
    assert "secret" not in json.dumps(summary)


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcribing, "MAX_COST", 1000)
    one: Turns = [(CLIENT, b"VRFY somebody\r\n"), (SERVER, b"252 perhaps\r\n")]
    transcript = kept(*OPENING, *(one * 1000))
    assert transcript["ended"] == "cut"
    assert len(json.dumps(transcript)) < 3000


def test_a_large_message_costs_little() -> None:
    text = (b"x" * 76 + b"\r\n") * 100_000
    assert message(text) == [[78, 100_000]]


@given(script=units(polite=False), choices=choices, seed=seeds)
def test_it_does_not_depend_on_slicing_and_holds_no_payload(script: list[Unit], choices: list[int], seed: int) -> None:
    session = converse(lambda: ShadowedInspector(PASS, None, transcribe=True), script, choices)
    transcripts = []
    for slicing in (*SLICINGS.values(), AtRandom(seed)):
        shell, outcomes = replay(lambda: ShadowedInspector(PASS, None, transcribe=True), session.trace, slicing)
        assert not any(outcome.error for outcome in outcomes)
        transcripts.append(shell.inspector.summary()["transcript"])  # type: ignore[attr-defined]
    assert all(joined(one) == joined(transcripts[0]) for one in transcripts)
    if all(unit.polite for unit in script):
        assert "PAYLOAD" not in json.dumps(transcripts[0])


def joined(transcript: Any) -> list[list[object]]:
    """The turns, each side's words of one kind in one piece: where two sides speak at once, order is TCP's."""
    return [[turn for turn in transcript["turns"] if turn[0] == side] for side in ("client", "server")]


@given(book=rulebooks(), garbage=feeds, seed=seeds)
def test_no_octets_make_it_fail(book: Rulebook, garbage: Garbage, seed: int) -> None:
    shell, outcomes = replay(lambda: ShadowedInspector(book, None, transcribe=True), steps(garbage), AtRandom(seed))
    assert not any(outcome.error for outcome in outcomes)
    assert not any(one.event == "shadow-crashed" for outcome in outcomes for one in outcome.records)
    json.dumps(shell.inspector.summary()["transcript"])  # type: ignore[attr-defined]


SECRET_LATER = b"EHLO a\r\nAUTH PLAIN AHNlY3JldA==\r\n"


@pytest.mark.parametrize("held", [b"XCLIENT NAME=a\r\n", b"AUTH LOGIN\r\n"])
def test_what_nobody_took_apart_is_not_kept(held: bytes) -> None:
    box = Transcriber(PASS)
    box.start(0.0)
    for side, data in (*OPENING, (CLIENT, held + SECRET_LATER)):
        box.receive(side, data, 0.0)
    box.eof(SERVER, 0.0)  # and with that goes out what waited for the server's word, as it came
    assert box.transcript() == {"turns": [*OPENED, ["client", held.decode()]], "ended": "tunnel"}


def test_what_a_client_says_to_a_server_that_has_ended_is_not_kept() -> None:
    box = Transcriber(PASS)
    box.start(0.0)
    for side, data in OPENING:
        box.receive(side, data, 0.0)
    box.eof(SERVER, 0.0)
    assert box.transcript() == {"turns": OPENED, "ended": ""}
    box.receive(CLIENT, SECRET_LATER, 0.0)
    assert box.transcript() == {"turns": OPENED, "ended": "tunnel"}


def test_an_answer_of_the_guards_own_is_in_it() -> None:
    box = ShadowedInspector(rulebook(rule("no", "command", Reject(), verb="VRFY")), None, transcribe=True)
    for side, data in (*OPENING, (CLIENT, b"VRFY a\r\n")):
        box.receive(side, data, 0.0)
    summary: dict[str, Any] = box.summary()
    assert summary["transcript"]["turns"][-1] == ["server", "550 5.7.1 Refused by policy [no]\r\n"]
    assert "shadow" not in summary


def test_a_shadow_that_is_given_up_leaves_what_it_had() -> None:
    box = ShadowedInspector(rulebook(rule("blind", "payload", Misread("commands"), verb="BDAT")), None, transcribe=True)
    for side, data in (*OPENING, (CLIENT, b"BDAT 9 LAST\r\nabc")):
        box.receive(side, data, 0.0)
    summary: dict[str, Any] = box.summary()
    assert summary["transcript"]["ended"] == "lost"
    assert summary["transcript"]["turns"][:3] == OPENED


def test_a_rulebook_that_alters_something_is_refused() -> None:
    with pytest.raises(ValueError, match="may alter something"):
        Transcriber(WATCH)
