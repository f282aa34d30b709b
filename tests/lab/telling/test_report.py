"""A run told to people."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from smtpguard.lab.message import sample
from smtpguard.lab.run import run_scenario
from smtpguard.lab.scenario.file import load_scenario
from smtpguard.lab.telling.report import tell

KB818222 = load_scenario("kb818222")


def told(firewall: str, *, terminal: bool = False, width: int = 40) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width, highlight=False)
    tell(console, run_scenario(KB818222, firewall, sample()))
    return out.getvalue()


def test_the_stall_from_header_to_verdict() -> None:
    text = told("eat-blob")
    for line in (
        "kb818222: Mail to a remote domain waits in the queue until a non-delivery report is made",
        "  source    KB818222",
        "  --> XEXCH50 1020 2",
        "  <-- 354 Send binary data",
        "  --> [1020 octets of binary]",
        "  --- nothing for 600 seconds; the sender closes the connection",
        "  13  FAILED  data acknowledged, QUIT sent",
        "  14  -       QUIT acknowledged",
        "     12:00:00  delay notice to alice@example.com",
        "  2d 00:00:00  given up: NDR to alice@example.com",
        "  Status: 4.4.7",
        "  [the original message, 616 octets, unchanged]",
        "  Outlook shows of it:",
        "    <mail1.example.com #4.4.7>",
        "Not delivered: 17 attempts in 2d 00:00:00 of simulated time, then an NDR (4.4.7).",
        "         time  state    total     KB   next retry  additional information",
        "     00:10:00  Retry        1      1     00:11:00  The remote host did not answer within 600 seconds.",
        "  fw1.example.net: Error 20031 of SmtpEvt, 17 times",
        "That is what the scenario expects.",
    ):
        assert f"{line}\n" in text
    assert "rule=eat-blob" in text
    assert "event_id=20031" in text
    assert "and so on: 17 decisions in 17 attempts" in text


def test_delivery_with_the_digests_that_were_compared() -> None:
    text = told("strip-xexch50")
    assert text.count(run_scenario(KB818222, "none", sample()).sent_sha256) == 2
    assert "The octets of the delivered message equal the octets sent.\n" in text
    assert "XEXCH50 1020 2" not in text
    assert "The non-delivery report" not in text


def test_without_a_firewall_nothing_is_said_of_one() -> None:
    text = told("none")
    assert "  firewall  none\n" in text
    assert "What the firewall did" not in text


def test_a_firewall_that_did_nothing() -> None:
    assert "  nothing: no rule applied\n" in told("pass")


def test_no_control_codes_in_a_pipe_and_only_ascii() -> None:
    text = told("eat-blob")
    assert "\x1b" not in text
    assert text.isascii()


def test_colour_on_a_terminal_unless_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[32m" in told("none", terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in told("none", terminal=True)


def test_a_message_that_was_acknowledged_and_never_stored_is_lost() -> None:
    text = told("bdat-liar")
    assert "Lost after 1 attempt: acknowledged, and the receiver has not got it." in text
    assert "Not as the scenario expects" not in text
    assert "octets sent" not in text
