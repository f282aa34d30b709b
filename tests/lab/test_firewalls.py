"""Each policy of the issue, end to end through the real relay: the outcome, the steps, the records, the octets."""

from __future__ import annotations

import asyncio
import json
from email import message_from_bytes
from pathlib import Path

import pytest

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.message import sample
from smtpguard.lab.result import RunResult
from smtpguard.lab.run import assemble, play, run_scenario
from smtpguard.lab.scenario.ending import Ending
from smtpguard.lab.scenario.file import load_scenario
from smtpguard.policy.errors import PolicyError

KB818222 = load_scenario("kb818222")
NASTY = b"Subject: nasty\r\n\r\n.\r\n..\r\n.x\r\n\xff\x80 8bit\r\nQUIT\r\nXEXCH50 1 2\r\n" + b"y" * 5000 + b"\r\n.\r\n"


def run(firewall: str, message: bytes | None = None) -> RunResult:
    return run_scenario(KB818222, firewall, sample() if message is None else message)


def states(result: RunResult) -> str:
    """The fifteen steps of the last attempt as letters: o(k), F(ailed), - not reached."""
    letters = {"ok": "o", "failed": "F", "not reached": "-"}
    return "".join(letters[row.state] for row in result.fate.attempts[-1].attempt.steps)


def decisions(result: RunResult) -> list[dict[str, object]]:
    return [event.as_dict() for event in result.events if event.host == "firewall" and "rule" in event.fields]


@pytest.mark.parametrize(
    ("firewall", "steps"),
    [
        ("none", "o" * 15),
        ("pass", "o" * 15),
        ("strip-xexch50", "ooooooooo---ooo"),
        ("strip-exchange", "ooooooooo---ooo"),
        ("refuse-xexch50", "ooooooooooF-ooo"),
    ],
)
@pytest.mark.parametrize("message", [sample(), NASTY], ids=["sample", "nasty"])
def test_delivered_octet_for_octet(firewall: str, steps: str, message: bytes) -> None:
    result = run(firewall, message)
    assert (result.outcome, len(result.fate.attempts), states(result)) == ("delivered", 1, steps)
    assert [stored.content for stored in result.mailbox] == [message]
    assert result.as_expected
    assert result.as_dict()["ndr"] is None


@pytest.mark.parametrize(
    ("firewall", "attempts", "steps", "orphans"),
    [
        ("eat-blob", 17, "ooooooooooooF--", 0),
        ("eat-ack", 17, "ooooooooooooF--", 17),
        ("close-on-xexch50", 18, "ooooooooooF----", 0),
    ],
)
def test_returned_after_two_days(firewall: str, attempts: int, steps: str, orphans: int) -> None:
    result = run(firewall)
    assert (result.outcome, len(result.fate.attempts), states(result)) == ("ndr", attempts, steps)
    assert result.simulated_seconds == 172_800.0
    assert (result.mailbox, result.orphaned_blobs) == ((), orphans)
    assert result.as_expected
    assert result.fate.ndr is not None
    assert result.fate.delay is not None
    assert result.fate.delay.time == 43_200.0
    _, status, original = message_from_bytes(result.fate.ndr.eml).get_payload()
    assert status.get_payload()[1]["Status"] == "4.4.7"
    assert original.get_content_type() == "message/rfc822"
    assert b"\r\n\r\n" + sample() + b"\r\n--" in result.fate.ndr.eml


def test_the_firewall_logs_each_attempt_with_the_event_of_the_box() -> None:
    rows = decisions(run("eat-blob"))
    assert len(rows) == 17
    assert {(row["event"], row["rule"], row["event_id"]) for row in rows} == {("payload-eaten", "eat-blob", 20031)}
    assert [row["time"] for row in rows][:3] == [0.0, 660.0, 1320.0]


@pytest.mark.parametrize(
    ("firewall", "rule"), [("strip-xexch50", "strip-xexch50"), ("refuse-xexch50", "refuse-xexch50")]
)
def test_the_cure_is_on_record(firewall: str, rule: str) -> None:
    assert {row["rule"] for row in decisions(run(firewall))} == {rule}


def test_why_the_sender_gave_up_each_time() -> None:
    silent = {timed.attempt.reason for timed in run("eat-blob").fate.attempts}
    assert silent == {"The remote host did not answer within 600 seconds."}
    dropped = {timed.attempt.reason for timed in run("close-on-xexch50").fate.attempts}
    assert dropped == {"The connection was dropped by the remote host."}


@pytest.mark.parametrize("firewall", ["none", "pass", "eat-blob", "close-on-xexch50", "strip-xexch50"])
def test_the_same_run_twice_is_the_same_json(firewall: str) -> None:
    assert run(firewall).as_json() == run(firewall).as_json()


def test_the_json_has_the_keys_that_scripts_were_promised() -> None:
    report = json.loads(run("eat-blob").as_json())
    assert list(report) == [
        "scenario", "title", "source", "mail", "sender", "receiver",
        "firewall", "outcome", "attempts", "simulated_seconds", "steps", "conversation", "ndr", "events",
        "expected", "unmet", "failed_step", "fates", "mailbox", "queue", "eventlog",
    ]  # fmt: skip
    assert [list(step) for step in report["steps"]] == [["step", "title", "state"]] * 15
    assert list(report["ndr"]) == ["status", "eml"]
    assert {"sender", "firewall", "receiver"} == {event["host"] for event in report["events"]}
    times = [event["time"] for event in report["events"]]
    assert times == sorted(times)


def test_no_event_names_a_port_that_the_system_picked() -> None:
    endpoints = {event.fields.get("client") for event in run("pass").events if event.event == "session"}
    assert endpoints == {"127.0.0.1"}


def test_the_eml_in_the_json_keeps_every_octet() -> None:
    result = run("close-on-xexch50", NASTY)
    report = json.loads(result.as_json())
    assert result.fate.ndr is not None
    assert report["ndr"]["eml"].encode("latin-1") == result.fate.ndr.eml


def test_a_policy_of_the_users_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("summary: Refuses every message\nrules:\n  - {id: no, on: command, verb: MAIL, then: reject}\n")
    result = run(str(path))
    assert (result.outcome, result.expected, result.as_expected) == ("ndr", None, True)
    assert result.fate.ndr is not None
    assert result.fate.ndr.status == "5.7.1"


def test_an_outcome_that_nobody_expects() -> None:
    wrong = KB818222.model_copy(update={"expects": {"none": Ending(outcome="ndr")}})
    assert not run_scenario(wrong, "none", sample()).as_expected


def test_a_stranger_to_the_receiver_delivers_without_the_blob() -> None:
    receiver = KB818222.receiver.model_copy(update={"strangers_may_xexch50": False})
    result = run_scenario(KB818222.model_copy(update={"receiver": receiver}), "pass", sample())
    assert (result.outcome, states(result)) == ("delivered", "ooooooooooF-ooo")
    assert result.mailbox[0].blob is None


def test_an_unknown_policy_is_told_before_anything_runs() -> None:
    with pytest.raises(PolicyError, match="eat-blob"):
        run("eat-blbo")


def test_a_watcher_sees_the_days_go_by() -> None:
    moments: list[float] = []
    run_scenario(KB818222, "eat-blob", sample(), lambda event: moments.append(event.time))
    assert moments == sorted(moments)
    assert moments[0] == 0.0
    assert moments[-1] >= 172_800.0


@pytest.mark.parametrize("firewall", ["none", "pass", "eat-blob", "eat-ack", "close-on-xexch50"])
def test_a_run_leaves_no_task_behind(firewall: str) -> None:
    async def main() -> set[asyncio.Task[object]]:
        await play(assemble(KB818222, firewall, sample()))
        return asyncio.all_tasks() - {asyncio.current_task()}

    assert run_virtual(main) == set()


def test_a_run_leaves_no_socket_open() -> None:
    def sockets() -> set[str]:
        links = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return {link for link in links if link.startswith("socket:")}

    before = sockets()
    run("eat-blob")
    assert sockets() == before
