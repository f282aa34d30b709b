"""`smtpguard lab`: exit statuses, both formats, and one clear line for bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from smtpguard.cli import lab_run
from smtpguard.cli.main import run
from smtpguard.lab.scenario.ending import Ending
from smtpguard.lab.scenario.file import load_scenario


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
    told_wrong = load_scenario("kb818222").model_copy(update={"expects": {"none": Ending(outcome="ndr")}})
    monkeypatch.setattr(lab_run, "load_scenario", lambda name: told_wrong)
    assert run(["lab", "run", "kb818222", "--firewall", "none"]) == 1
    out = capsys.readouterr().out
    assert "Not as the scenario expects: outcome: expected ndr, seen delivered." in out


@pytest.mark.parametrize("firewall", ["eat-blob", "strip-xexch50"])
def test_the_json_has_what_the_text_begins_with(capsys: pytest.CaptureFixture[str], firewall: str) -> None:
    """The conversation, who wrote to whom, and the digest that tells whether what arrived is what was sent."""
    run(["lab", "run", "kb818222", "--firewall", firewall])
    text = capsys.readouterr().out
    run(["lab", "run", "kb818222", "--firewall", firewall, "--format", "json"])
    report = json.loads(capsys.readouterr().out)
    conversation = [f"  {said['direction']} {said['text']}" for said in report["conversation"]]
    assert len(conversation) > 20
    assert "\n".join(conversation) in text
    mail, receiver = report["mail"], report["receiver"]
    assert f"{report['scenario']}: {report['title']}\n  source    {report['source']}\n" in text
    assert f"  mail      {mail['from']} to {', '.join(mail['to'])}, {mail['octets']} octets\n" in text
    assert f"  receiver  {receiver['host']}, {receiver['system']}\n" in text
    assert f"  sender    {report['sender']}, " in text
    assert [message["sha256"] for message in report["mailbox"]] in ([], [mail["sha256"]])


@pytest.mark.parametrize("on_path", [True, False])
def test_the_story_ends_with_a_command_that_works_as_it_stands(on_path: bool, tmp_path: Path) -> None:
    """`make lab` runs a command that is in no folder of PATH."""
    program = Path(sys.executable).with_name("smtpguard")
    folder = program.parent if on_path else tmp_path
    done = subprocess.run(
        [program, "lab", "story"], env={"PATH": str(folder)}, capture_output=True, text=True, timeout=60, check=True
    )
    called = "smtpguard" if on_path else program
    assert done.stdout.splitlines()[-1].startswith(f"Try another: {called} lab run kb818222 ")


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
        (["run", "no/such.yaml"], "no/such.yaml: cannot be read"),
        (["run", "kb818222", "--seed", "x"], "--seed"),
        (["run", "kb818222", "--html", "no/such/folder/x.html"], "no/such/folder"),
        (["run", "kb818222", "--out", "/dev/null/x"], "/dev/null"),
        (["list", "--format", "xml"], "xml"),
        (["matrix", "--senders", "exchnge"], "unknown sender 'exchnge' (did you mean 'exchange'?)"),
        (["matrix", "--firewalls", "eat-blbo"], "eat-blob"),
        (["matrix", "--firewalls", "pass,,none"], "empty name"),
        (["matrix", "--receivers", "exchange-2012"], "unknown receiver 'exchange-2012'"),
        (["matrix", "--format", "pdf"], "pdf"),
        (["matrix", "--jobs", "0"], "--jobs"),
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


def test_the_event_logs_as_event_viewer_prints_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "run", "row-04-closed-on-the-verb", "--eventlog"]) == 0
    out = capsys.readouterr().out
    assert "0000: 58 45 58 43 48 35 30 20    XEXCH50\n0008: 31 30 32 30                1020\n" in out


def test_a_page_and_a_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page, folder = tmp_path / "run.html", tmp_path / "run"
    assert run(["lab", "run", "row-05-blob-eaten", "--html", str(page), "--out", str(folder)]) == 0
    capsys.readouterr()
    assert "<svg" in page.read_text(encoding="utf-8")
    assert any(folder.iterdir())


def test_a_seed_of_the_users_own_changes_the_blob_and_not_the_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    reports = []
    for seed in ("1", "1", "2"):
        assert run(["lab", "run", "row-05-blob-eaten", "--seed", seed, "--format", "json"]) == 0
        reports.append(capsys.readouterr().out)
    assert reports[0] == reports[1] != reports[2]


def test_the_list_for_people_and_for_scripts(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lab", "list"]) == 0
    text = capsys.readouterr().out
    assert "row-05-blob-eaten" in text
    assert "source: Cisco CSCds90792" in text
    assert run(["lab", "list", "--format", "json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert listed["kb818222"]["firewall"] == "eat-blob"
    assert listed["row-09-keyword-masked"]["expected"] == "delivered"
    assert {entry["row"] for entry in listed.values()} == {None, *range(1, 13)}
