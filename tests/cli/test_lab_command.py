"""`smtpguard lab`: exit statuses, both formats, and one clear line for bad input."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from smtpguard.cli.main import run


def test_the_scenario_of_the_article_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "run", "kb818222", "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["scenario"], report["firewall"], report["outcome"]) == ("kb818222", "eat-blob", "ndr")
    assert report["ndr"]["status"] == "4.4.7"


def test_a_message_of_the_users_own_arrives(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(b"Subject: mine\r\n\r\n.\r\n")
    assert run(["lab", "run", "kb818222", "--eml", str(path), "--firewall", "strip-xexch50"]) == 0
    out = capsys.readouterr().out
    assert "  --> BDAT 20 LAST\n  --> Subject: mine\n" in out
    assert "The octets of the delivered message equal the octets sent." in out
    assert "\x1b" not in out


def test_an_outcome_that_was_not_expected_is_status_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from smtpguard.cli import lab

    told_wrong = lab.load_scenario("kb818222").model_copy(update={"expects": {"none": "ndr"}})
    monkeypatch.setattr(lab, "load_scenario", lambda name: told_wrong)
    assert run(["lab", "run", "kb818222", "--firewall", "none"]) == 1
    assert "The scenario expects: ndr." in capsys.readouterr().out


def test_the_story(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "story"]) == 0
    assert "Act 3: the cure" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["run", "kb818223"], "unknown scenario 'kb818223' (did you mean 'kb818222'?)"),
        (["run", "kb818222", "--firewall", "eat-blbo"], "eat-blob"),
        (["run", "kb818222", "--firewall", "no/such.yaml"], "no/such.yaml"),
        (["run", "kb818222", "--eml", "no/such.eml"], "no/such.eml: cannot be read"),
        (["run", "kb818222", "--format", "xml"], "xml"),
        (["run"], "missing argument"),
        (["story", "--eml", "no/such.eml"], "no/such.eml: cannot be read"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert run(["lab", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("smtpguard: ")
    assert captured.err.count("\n") == 1
    assert complaint in captured.err


@pytest.mark.parametrize(
    ("content", "complaint"), [(b"A: 1\r\n\r\n\x00\r\n", "NUL"), (b"A: 1\n\n", "LF without CR"), (b"", "is empty")]
)
def test_a_message_that_smtp_cannot_carry(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, complaint: str
) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(content)
    assert run(["lab", "run", "kb818222", "--eml", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert complaint in captured.err


def test_lab_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab"]) == 0
    assert "story" in capsys.readouterr().out
