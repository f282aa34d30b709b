"""A journal's transcripts as conversations: the octets have the shape of those that were masked."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from smtpguard.inspection.shadow import ShadowedInspector
from smtpguard.replay.replay import replay
from smtpguard.replay.transcripts import MAX_OCTETS, TranscriptError, read_transcripts
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.rulebooks import PASS
from tests.inspection.strategies import Unit, choices, units
from tests.inspection.world import converse
from tests.playbook import inspector

LINE: dict[str, Any] = {"event": "session", "session": "a-1", "client": "192.0.2.7:4242", "server": "[2001:db8::1]:25"}


def untimed(fields: dict[str, object]) -> dict[str, object]:
    """Without what the clock says: a transcript has none."""
    return {name: value for name, value in fields.items() if name != "seconds"}


def journal(folder: Path, *transcripts: object, ended: str = "") -> Path:
    path = folder / "guard.log"
    lines = [{**LINE, "transcript": {"turns": turns, "ended": ended}} for turns in transcripts]
    path.write_text("\n".join(json.dumps(line) for line in [{"event": "listening"}, *lines]) + "\n")
    return path


def said(folder: Path, *turns: object) -> tuple[bytes, bytes]:
    [session] = read_transcripts(journal(folder, [*turns]))
    return session.conversation.said(CLIENT), session.conversation.said(SERVER)


def test_a_session_is_a_conversation(tmp_path: Path) -> None:
    [session] = read_transcripts(journal(tmp_path, [["server", "220 é\r\n"], ["client", "QUIT\r\n"]], ended="cut"))
    assert (session.identity, session.ended) == ("a-1", "cut")
    assert session.conversation.client == ("192.0.2.7", 4242)
    assert session.conversation.server == ("2001:db8::1", 25)
    assert [(turn.side, turn.data) for turn in session.conversation.turns] == [
        (SERVER, b"220 \xe9\r\n"), (CLIENT, b"QUIT\r\n"),
    ]  # fmt: skip


def test_what_was_masked_has_its_shape(tmp_path: Path) -> None:
    client, _ = said(tmp_path, ["client", [5, [4, 2], 2, -3, ".\r\n"]], ["client", 4])
    assert client == b"xxx\r\nxx\r\nxx\r\n\r\nxxx.\r\nxxxx"


def test_a_name_is_no_address(tmp_path: Path) -> None:
    path = journal(tmp_path, [["client", "QUIT\r\n"]])
    path.write_text(path.read_text().replace("[2001:db8::1]:25", "mx.example:25"))
    [session] = read_transcripts(path)
    assert session.conversation.server == ("", 25)
    assert replay(session.conversation, PASS).sent[SERVER] == b"QUIT\r\n"


@pytest.mark.parametrize(
    "turns",
    [
        "x", [["guard", "x"]], [["client"]], [["client", "\u20ac"]], [["client", None]], [["client", [1]]],
        [["client", [0]]], [["client", 0]], [["client", -5]], [["client", [[5, 0]]]], [["client", [[5]]]],
        [["client", [["x", "y"]]]], [["client", {"a": 1}]], [["client", MAX_OCTETS + 1]],
        [["client", [[78, MAX_OCTETS]]]], [["client", [-MAX_OCTETS, 2]]],
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_clear_line(turns: object, tmp_path: Path) -> None:
    path = journal(tmp_path, turns)
    with pytest.raises(TranscriptError) as caught:
        read_transcripts(path)
    assert str(caught.value).startswith(f"{path}:2: not a line of a journal with a transcript: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", ['{"transcript"', '["transcript"]', '{"transcript": 3}'])
def test_a_torn_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "guard.log"
    path.write_text(line)
    with pytest.raises(TranscriptError, match=":1: "):
        read_transcripts(path)


def test_a_journal_without_one_says_how_to_get_them(tmp_path: Path) -> None:
    path = tmp_path / "guard.log"
    path.write_text(json.dumps(LINE) + "\n")
    with pytest.raises(TranscriptError, match="no session with a transcript in it; record them with"):
        read_transcripts(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TranscriptError, match="cannot be read: No such file"):
        read_transcripts(tmp_path / "gone.log")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(script=units(polite=False), choices=choices)
def test_a_replay_sees_what_the_session_was(tmp_path: Path, script: list[Unit], choices: list[int]) -> None:
    """Commands, sizes and verdicts of a generated session are those of its replay; octets are as many."""
    session = converse(lambda: ShadowedInspector(PASS, None, transcribe=True), script, choices)
    live: dict[str, Any] = session.shell.inspector.summary()  # type: ignore[attr-defined]
    transcript = live["transcript"]
    if transcript["ended"]:
        return
    [again] = read_transcripts(journal(tmp_path, transcript["turns"]))
    done = replay(again.conversation, PASS)
    for count in ("commands", "replies", "messages_accepted", "messages_refused", "octets_from_server"):
        assert done.summary[count] == live[count], count
    plain = converse(inspector(PASS), script, choices)
    messages = [one.fields for one in done.records if one.event == "message"]
    assert [untimed(fields) for fields in messages] == [untimed(fields) for fields in plain.events("message")]
