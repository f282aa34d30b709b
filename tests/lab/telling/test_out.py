"""What a run leaves behind in a directory."""

from __future__ import annotations

import json
from email import message_from_bytes
from pathlib import Path

import pytest

from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.errors import LabError
from smtpguard.lab.message import sample
from smtpguard.lab.run import run_scenario
from smtpguard.lab.telling.out import write_out
from smtpguard.replay.captures import read_capture
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.lab import legs, outcomes


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_bounced_run_leaves_everything(tmp_path: Path) -> None:
    result = outcomes.bounced()
    write_out(result, tmp_path / "new" / "out", legs.eaten_blob())
    out = tmp_path / "new" / "out"
    assert names(out) == [
        "conversation-01.txt",
        "conversation-02.txt",
        "delay-1.eml",
        "eventlog.txt",
        "events.jsonl",
        "firewall-receiver.pcap",
        "ndr-1.eml",
        "result.json",
        "sender-firewall.pcap",
        "sent-1.eml",
    ]
    assert (out / "conversation-01.txt").read_text() == "--> EHLO <mail1>\n<-- 250 OK\n--- it ended\n"
    assert (out / "sent-1.eml").read_bytes() == outcomes.MESSAGE
    events = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events] == ["payload-eaten", "payload-eaten"]
    assert (out / "eventlog.txt").read_text().count("0008: 31 30 32 30                1020\n") == 2
    assert json.loads((out / "result.json").read_text())["outcome"] == "ndr"


def test_the_ndr_opens_as_a_report_of_three_parts(tmp_path: Path) -> None:
    write_out(outcomes.bounced(), tmp_path, Capture())
    ndr = message_from_bytes((tmp_path / "ndr-1.eml").read_bytes())
    assert ndr.get_content_type() == "multipart/report"
    assert [part.get_content_type() for part in ndr.get_payload()] == [
        "text/plain",
        "message/delivery-status",
        "message/rfc822",
    ]
    assert outcomes.MESSAGE in (tmp_path / "ndr-1.eml").read_bytes()


def test_without_a_firewall_there_is_one_leg_and_the_message_is_there(tmp_path: Path) -> None:
    write_out(outcomes.delivered(), tmp_path, legs.eaten_blob())
    assert [name for name in names(tmp_path) if name.endswith(".pcap")] == ["sender-receiver.pcap"]
    assert (tmp_path / "received-1.eml").read_bytes() == outcomes.MESSAGE
    assert (tmp_path / "received-1.blob").read_bytes() == b"\x00" * 1020
    (conversation,) = read_capture(tmp_path / "sender-receiver.pcap")
    assert conversation.server == ("203.0.113.1", 25)


def test_of_an_earlier_run_nothing_stays_and_what_is_not_a_runs_stays(tmp_path: Path) -> None:
    write_out(outcomes.bounced(), tmp_path, legs.eaten_blob())
    (tmp_path / "notes.txt").write_text("mine")
    write_out(outcomes.delivered(), tmp_path, legs.eaten_blob())
    write_out(outcomes.delivered(), tmp_path / "alone", legs.eaten_blob())
    assert names(tmp_path) == sorted([*names(tmp_path / "alone"), "alone", "notes.txt"])


def test_a_directory_that_holds_no_earlier_run_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "ndr-7.eml").write_text("mine")
    write_out(outcomes.delivered(), tmp_path, Capture())
    assert (tmp_path / "ndr-7.eml").read_text() == "mine"


def test_a_directory_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LabError, match=r"file.*: cannot be written: "):
        write_out(outcomes.delivered(), tmp_path / "file" / "out", Capture())


def test_both_legs_of_a_real_run_read_back_octet_for_octet(tmp_path: Path) -> None:
    capture = Capture()
    result = run_scenario(outcomes.scenario(), "eat-blob", sample(), tap=capture)
    write_out(result, tmp_path, capture)
    near = read_capture(tmp_path / "sender-firewall.pcap")
    far = read_capture(tmp_path / "firewall-receiver.pcap")
    assert len(near) == len(far) == len(result.fate.attempts)
    for name, conversations in (("sender", near), ("receiver", far)):
        for told, kept in zip(
            conversations, capture.connections("sender" if name == "sender" else "receiver"), strict=True
        ):
            assert told.said(CLIENT) == kept.octets(from_client=True)
            assert told.said(SERVER) == kept.octets(from_client=False)
            assert not told.gap
    blob_at_the_sender = len(near[0].said(CLIENT)) - len(far[0].said(CLIENT))
    assert blob_at_the_sender == 1020
    assert near[0].said(CLIENT).startswith(far[0].said(CLIENT))
    ends = [turn.time for turn in near[0].turns if turn.end]
    assert [round(time) for time in ends] == [600, 600]


def test_the_same_run_leaves_the_same_octets(tmp_path: Path) -> None:
    for name in ("one", "two"):
        capture = Capture()
        result = run_scenario(outcomes.scenario(), "none", sample(), tap=capture)
        write_out(result, tmp_path / name, capture)
    assert names(tmp_path / "one") == names(tmp_path / "two")
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name
