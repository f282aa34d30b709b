"""`smtpguard lab up`: the process from its first line to its end, and one clear line for bad input."""

from __future__ import annotations

import os
import signal
import smtplib
import socket
import subprocess

import pytest

from smtpguard.cli.errors import EXIT_BROKEN_PIPE
from smtpguard.cli.main import run
from tests.real.guard_process import SMTPGUARD, select
from tests.real.lab_process import LabProcess


def test_a_lab_of_the_users_own_until_sigterm() -> None:
    lab = LabProcess("--firewall", "strip-xexch50", "--clock", "real", "--speed", "10")
    try:
        assert (lab.up["scenario"], lab.up["policy"], lab.up["speed"]) == ("kb818222", "strip-xexch50", 10)
        assert lab.first("fate")["outcome"] == "delivered"
        with smtplib.SMTP(*lab.place("sender"), timeout=30) as client:
            client.sendmail("carol@example.com", ["dave@example.net"], b"Subject: mine\r\n\r\nhello\r\n")
        lab.wait_for(lambda lines: len(select(lines, "fate")) == 2, 30, "the second fate")
        journal = lab.stop()
    finally:
        lab.close()
    assert [line["event"] for line in journal[-1:]] == ["stopped"]
    assert {line["outcome"] for line in select(journal, "fate")} == {"delivered"}
    assert len(select(journal, "message-stored")) == 2
    assert len(select(journal, "keyword-stripped")) == 2


def test_ctrl_c_ends_it_with_status_0_in_the_middle_of_a_stall() -> None:
    lab = LabProcess("kb818222", "--firewall", "eat-blob")
    try:
        lab.first("stall")
        os.kill(lab.process, signal.SIGINT)
        assert lab.first("given-up")["messages"] == 1
        assert lab.first("stopped")
        assert lab.wait(10) == 0
        assert lab.errors() == ""
    finally:
        lab.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_signals_up_to_the_last_moment(number: signal.Signals) -> None:
    lab = LabProcess("--firewall", "strip-xexch50", "--no-sender")
    try:
        lab.terminate()
        lab.signal_to_the_last(number)
        assert lab.wait() == 0
        assert lab.errors() == ""
    finally:
        lab.close()


def test_ctrl_c_ends_the_wait_for_a_receiver_that_does_not_answer() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(0)
        place = bound.getsockname()
        with (
            socket.create_connection(place),  # the queue has one place, and this takes it
            subprocess.Popen(
                [SMTPGUARD, "lab", "up", "--receiver", f"127.0.0.1:{place[1]}"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            ) as process,
        ):  # fmt: skip
            assert process.stderr is not None
            assert "waiting for the server to take a connection" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.communicate(timeout=30) == ("", "")  # and not that it is down
            assert process.returncode == 0


def test_two_days_in_a_few_seconds() -> None:
    lab = LabProcess("kb818222", "--firewall", "close-on-xexch50", "--speed", "86400")
    try:
        assert lab.first("fate")["outcome"] == "ndr"
        journal = lab.stop()
    finally:
        lab.close()
    assert select(journal, "command-closed")[0]["event_id"] == 20031
    assert len(select(journal, "delay-notice")) == 1
    assert select(journal, "ndr")[0]["status"] == "4.4.7"


def test_it_ends_when_nobody_reads_the_journal_any_more() -> None:
    command = [SMTPGUARD, "lab", "up", "--firewall", "close-on-xexch50", "--speed", "10000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as lab:
        assert lab.stdout is not None
        assert lab.stderr is not None
        assert b'"event":"up"' in lab.stdout.readline()
        lab.stdout.close()
        try:
            assert lab.wait(30) == EXIT_BROKEN_PIPE
        finally:
            lab.kill()
        assert lab.stderr.read() == b""


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["kb818223"], "unknown scenario 'kb818223' (did you mean 'kb818222'?)"),
        (["no/such.yaml"], "no/such.yaml: cannot be read"),
        (["--firewall", "eat-blbo"], "eat-blob"),
        (["--firewall", "no/such.yaml"], "no/such.yaml"),
        (["--clock", "virtual"], "virtual"),
        (["--speed", "0"], "--speed 0: expected a number from 1 to 1000000"),
        (["--speed", "nan"], "--speed nan"),
        (["--speed", "fast"], "--speed"),
        (["--listen", "127.0.0.1"], "--listen 127.0.0.1: expected HOST:PORT"),
        (["--listen", "127.0.0.1:70000"], "--listen 127.0.0.1:70000"),
        (["--listen", "192.0.2.1:0"], "--listen 192.0.2.1:0: can't listen there"),
        (["--receiver", "127.0.0.1:0"], "--receiver 127.0.0.1:0"),
        (["--receiver", "no-such-host.invalid:25"], "--receiver no-such-host.invalid:25: no address was found"),
        (["--receiver-listen", "x"], "--receiver-listen x: expected HOST:PORT"),
        (["--firewall-at", "1.2.3.4"], "--firewall-at 1.2.3.4: expected HOST:PORT"),
        (["--firewall-at", "127.0.0.1:25", "--firewall", "pass"], "--firewall-at puts a firewall of your own"),
        (["--sender-port", "x"], "--sender-port"),
        (["--no-sender", "--sender-port", "25"], "--no-sender leaves it out"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert run(["lab", "up", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("smtpguard: ")
    assert captured.err.count("\n") == 1
    assert complaint in captured.err


@pytest.mark.parametrize("option", ["--listen", "--receiver-listen", "--sender-port"])
def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str], option: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        given = str(port) if option == "--sender-port" else f"127.0.0.1:{port}"
        assert run(["lab", "up", option, given]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert (
        captured.err
        == f"smtpguard: {option} {given}: can't listen there: Address already in use; choose another port\n"
    )
