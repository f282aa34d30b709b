"""``smtpguard policy diff``: what it prints, how it ends, over journals and captures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from smtpguard.cli import main as cli
from tests.replay.test_transcripts import LINE
from tests.replay.wire import Wire, pcap

TURNS: list[list[object]] = [
    ["server", "220 mx\r\n"],
    ["client", "EHLO a.example\r\n"],
    ["server", "250-mx\r\n250 XEXCH50\r\n"],
    ["client", "XEXCH50 5 2\r\n"],
    ["server", "354 go\r\n"],
    ["client", 5],
    ["server", "250 XEXCH50 OK\r\n"],
]


def write(path: Path, *sessions: tuple[list[list[object]], str]) -> str:
    lines = [{**LINE, "transcript": {"turns": turns, "ended": ended}} for turns, ended in sessions]
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return str(path)


@pytest.fixture
def journal(tmp_path: Path) -> str:
    return write(tmp_path / "guard.log", (TURNS, ""), (TURNS[:2], "cut"))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    status = cli.run(["policy", "diff", *words])
    out, err = capsys.readouterr()
    return status, out, err


def test_parting_policies_end_with_1(capsys: pytest.CaptureFixture[str], journal: str) -> None:
    status, out, err = run(capsys, "eat-blob", "refuse-xexch50", "--journal", journal)
    assert (status, err) == (1, "")
    assert out.splitlines() == [
        "session a-1 from 192.0.2.7, at command 2, XEXCH50:",
        "  eat-blob        pass",
        "  refuse-xexch50  reject: code 500, enhanced 5.5.1, text Refused (refuse-xexch50)",
        "2 sessions compared: 1 part, 1 alike",
        "session a-1: compared as far as it is known: longer than a transcript keeps",
    ]


def test_policies_that_do_the_same_end_with_0(capsys: pytest.CaptureFixture[str], journal: str) -> None:
    status, out, _ = run(capsys, "strip-xexch50", "strip-exchange", "--journal", journal)
    assert status == 0
    assert out.startswith("2 sessions compared: 0 part, 2 alike\n")


def test_json(capsys: pytest.CaptureFixture[str], journal: str) -> None:
    status, out, _ = run(capsys, "pass", "strip-xexch50", "--journal", journal, "--format", "json")
    report: dict[str, Any] = json.loads(out)
    assert status == 1
    assert (report["sessions"], report["alike"], report["policies"]) == (2, 1, ["pass", "strip-xexch50"])
    [part] = report["partings"]
    assert part == {
        "session": "a-1", "client": "192.0.2.7", "command": 1, "where": "keyword", "verb": "EHLO",
        "keyword": "XEXCH50", "code": 250, "first": None,
        "second": {"action": "strip", "by": "strip-xexch50", "fields": {}},
    }  # fmt: skip
    assert report["incomplete"] == [{"session": "a-1", "why": "longer than a transcript keeps"}]


def test_a_capture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    wire, frames, at = Wire(), [], {"client": 0, "server": 0}
    frames += wire.opened()
    for side, text in TURNS[:4]:
        data, peer = str(text).encode(), "server" if side == "client" else "client"
        frames.append((wire.c if side == "client" else wire.s)(at[str(side)], data, at[peer]))
        at[str(side)] += len(data)
    path = tmp_path / "wire.pcap"
    pcap(path, frames)
    status, out, _ = run(capsys, "pass", "close-on-xexch50", "--capture", str(path))
    assert status == 1
    assert "session wire.pcap:1 from 192.0.2.1, at command 2, XEXCH50:" in out


def test_rules_that_it_cannot_judge_are_named(capsys: pytest.CaptureFixture[str], journal: str, tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    path.write_text("summary: s\nrules:\n  - {id: words, on: line, content: secret, then: close}\n")
    status, out, _ = run(capsys, "pass", str(path), "--journal", journal)
    assert status == 0
    assert "rules that a recording can't judge (content, TCP segments, TLS): words" in out


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("pass", "strip-xexch50"), "nothing to compare over: give a --journal or a --capture"),
        (("pass", "strip-xexch5", "--journal", "x"), "no policy is called 'strip-xexch5'"),
        (("pass", "pass", "--journal", "gone.log"), "gone.log: cannot be read: No such file or directory"),
        (("pass", "pass", "--capture", "gone.pcap"), "gone.pcap"),
        (("pass", "pass", "--journal", "x", "--format", "yaml"), "'yaml'"),
    ],
)
def test_bad_input_ends_with_2(
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    line: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, *words)
    assert (status, out) == (2, "")
    [said] = err.splitlines()
    assert line in said
