"""`smtpguard analyze` as a user runs it: exit status, stdout and stderr, and who is told of the messages."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from smtpguard.cli.main import run
from smtpguard.lab.receiver.host import ReceiverHost
from tests.lab.hosts import receiving


@contextmanager
def up(profile: str = "exchange-2003", **settings: object) -> Iterator[ReceiverHost]:
    """A receiver in a thread of its own, so that the command may have this one."""
    ready = threading.Event()
    told: list[ReceiverHost] = []
    leave: list[Callable[[], object]] = []

    async def live() -> None:
        done = asyncio.Event()
        loop = asyncio.get_running_loop()
        async with receiving(profile, **settings) as host:
            told.append(host)
            leave.append(lambda: loop.call_soon_threadsafe(done.set))
            ready.set()
            await done.wait()

    thread = threading.Thread(target=lambda: asyncio.run(live()))
    thread.start()
    assert ready.wait(20)
    try:
        yield told[0]
    finally:
        leave[0]()
        thread.join(20)


def probes(err: str) -> list[str]:
    """The progress lines of the probes."""
    lines = [line for line in err.splitlines() if line.startswith("probe ")]
    assert [line.partition(" of ")[0] for line in lines] == [f"probe {number + 1}" for number in range(len(lines))]
    return lines


def test_a_clean_server_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    with up() as host:
        status = run(["analyze", f"127.0.0.1:{host.port}", "--domain", "example.net"])
        stored = [(message.sender, message.recipients, message.verb) for message in host.mailbox.messages]
    out, err = capsys.readouterr()
    assert status == 0
    assert out.rstrip().endswith("Nothing found (exit status 0)")
    assert "\x1b" not in out + err
    sender = "ExMFA-MailAcceptTest@Fabrikam.com"
    assert stored == [(sender, ("Postmaster@example.net",), verb) for verb in ("DATA", "BDAT", "DATA")]
    assert err.startswith("Up to three sample messages go to <Postmaster@example.net> through 127.0.0.1:")
    assert "--no-message sends none" in err
    assert probes(err) == err.splitlines()[1:]  # and no line for each step where stderr is no terminal


def test_no_message_sends_none_and_speaks_of_none(capsys: pytest.CaptureFixture[str]) -> None:
    with up(unregistered=["peexch50.dll"]) as host:
        status = run(["analyze", f"127.0.0.1:{host.port}", "--no-message"])
        assert host.mailbox.messages == []
    out, err = capsys.readouterr()
    assert status == 2
    assert "Both are true" in out
    assert probes(err) == err.splitlines()


def test_json_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with up() as host:
        status = run(
            [
                "analyze",
                f"127.0.0.1:{host.port}",
                "--rcpt",
                "bob@example.net",
                "--from",
                "a@example.com",
                "--format",
                "json",
            ]
        )
    report = json.loads(capsys.readouterr().out)
    assert status == report["exit_status"] == 0
    assert report["target"]["recipient"] == "bob@example.net"
    assert report["target"]["sender"] == "a@example.com"


@pytest.mark.parametrize(("form", "begins"), [("html", "<!DOCTYPE html>"), ("junit", "<?xml ")])
def test_a_page_or_junit_alone_on_stdout(form: str, begins: str, capsys: pytest.CaptureFixture[str]) -> None:
    with up() as host:
        status = run(["analyze", f"127.0.0.1:{host.port}", "--no-message", "--format", form])
    out, err = capsys.readouterr()
    assert status == 0
    assert probes(err) == err.splitlines()
    assert out.startswith(begins)


def test_compare_looks_past_the_box_and_sends_no_message_there(capsys: pytest.CaptureFixture[str]) -> None:
    with up() as host, up(keywords_off=["XEXCH50"]) as past:
        status = run(["analyze", f"127.0.0.1:{past.port}", "--compare", f"127.0.0.1:{host.port}", "--format", "json"])
        assert len(host.mailbox.messages) == 0
        assert len(past.mailbox.messages) == 3
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert status == report["exit_status"] == 2
    assert report["comparison"]["port"] == host.port
    assert [one["what"] for one in report["comparison"]["differences"]] == ["EHLO, XEXCH50"]
    assert sum(": past the box, " in line for line in err.splitlines()) == 8


def test_via_an_address_of_this_machine(capsys: pytest.CaptureFixture[str]) -> None:
    with up() as host:
        status = run(["analyze", f"127.0.0.1:{host.port}", "--no-message", "--via", "127.0.0.3", "--format", "json"])
    (hello,) = {
        step["sent"]
        for session in json.loads(capsys.readouterr().out)["sessions"]
        for step in session["steps"]
        if step["step"] == "EHLO"
    }
    assert (status, hello) == (0, "EHLO [127.0.0.3]\r\n")


def test_ms03_046_only_with_security(capsys: pytest.CaptureFixture[str]) -> None:
    with up() as host:
        target = [f"127.0.0.1:{host.port}", "--no-message", "--format", "json"]
        assert run(["analyze", *target]) == 0
        assert "XEXCH50 2 2" not in capsys.readouterr().out
        assert run(["analyze", *target, "--security"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert [finding["rule"] for finding in report["findings"]] == ["stranger-may-xexch50"]
    assert report["findings"][0]["sent"] == "XEXCH50 2 2\r\n"


def test_the_deadline_ends_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    with up() as host:
        began = time.monotonic()
        status = run(["analyze", f"127.0.0.1:{host.port}", "--no-message", "--deadline", "1", "--format", "json"])
        assert time.monotonic() - began < 10
    assert status in (0, 3)
    assert json.loads(capsys.readouterr().out)["exit_status"] == status


def test_the_schema_needs_no_host(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", "--schema"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["properties"]["version"] == {"const": 1}
    assert err == ""


def test_a_closed_port_ends_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    with up() as host:
        port = host.port
    status = run(["analyze", f"127.0.0.1:{port}"])
    out, err = capsys.readouterr()
    assert status == 3
    assert "COULD NOT TEST  Nothing listens on the port" in out
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    "arguments",
    [
        ["127.0.0.1:99999"],
        [":25"],
        ["127.0.0.1", "--rcpt", "a b"],
        ["127.0.0.1", "--rcpt", ""],
        ["127.0.0.1", "--from", ""],
        ["127.0.0.1", "--format", "xml"],
        ["127.0.0.1", "--timeout", "0"],
        ["example.net", "--resolver", "ns1.example.net"],
        ["example.net", "--resolver", "127.0.0.1:99999"],
        ["[127.0.0.1"],
        ["127.0.0.1", "--compare", ":25"],
        ["127.0.0.1", "--via", "eth0"],
        ["127.0.0.1", "--via", "ftp://127.0.0.1:21"],
        ["127.0.0.1", "--deadline", "0"],
        [],
    ],
)
def test_bad_arguments_are_one_line_and_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("smtpguard: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize(("option", "given"), [("--compare", ":25"), ("--via", "eth0"), ("--resolver", "ns1")])
def test_what_can_not_be_read_is_named_with_its_option(
    option: str, given: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["analyze", "127.0.0.1", option, given]) == 2
    assert capsys.readouterr().err.startswith(f"smtpguard: {option} ")


def test_help_tells_how_a_target_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["analyze", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "A name with an MX is a mail domain" in text
    assert "3 could not test" in text
