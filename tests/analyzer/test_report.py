"""The report as text: what an administrator reads, and no octet of a server's that a terminal would obey."""

from __future__ import annotations

import io
import re
from dataclasses import replace

from rich.console import Console

from smtpguard.analyzer.findings import Analysis, Comparison
from smtpguard.analyzer.report import tell, verdict
from smtpguard.analyzer.target import Target
from tests.analyzer import made
from tests.analyzer.analyzing import of_profile, of_server
from tests.lab.hosts import script


def text(analysis: Analysis, width: int = 400) -> str:
    out = io.StringIO()
    tell(Console(file=out, width=width, highlight=False), analysis)
    return out.getvalue()


def test_a_clean_server() -> None:
    report = text(of_profile("exchange-2003").analysis)
    assert ": Exchange 2000 or 2003" in report
    assert "edition without DATA: passed; edition with DATA: passed" in report
    assert report.rstrip().endswith("Nothing found (exit status 0)")


def test_a_finding_has_what_was_sent_what_came_back_cause_cure_and_source() -> None:
    report = text(of_profile("exchange-2003", unregistered=["xlsasink.dll"]).analysis)
    part = report[report.index("WARNING  SMTP server does not support X-LINK2STATE verb") :]
    for label in ("found ", "came back ", "cause ", "cure ", "see "):
        assert f"\n  {label}" in part
    assert "sent       EHLO [127.0.0.1]" in report
    assert "KB812455, KB822939" in part
    assert "Both are true" in report
    assert "1 error, 1 warning (exit status 2)" in report


def test_what_the_path_doctor_says_is_there() -> None:
    report = text(made.analysis())
    for line in (
        "IN THE PATH  a firewall <of that time>",
        "persona   eat-blob, and from outside the same: line-oriented",
        "- its blob does not",
        "how sure     certain",
        "in the path  a firewall that passes the verb",
        "reproduce    smtpguard lab up --firewall eat-blob",
        "Through the box and past it (10.0.0.5:2525)",
        "changed  EHLO reply: XEXCH50 is gone",
        "past it  250 XEXCH50",
        "through  250 <none>",
    ):
        assert line in report, line


def test_a_comparison_that_found_nothing_or_could_not_be_made() -> None:
    same = replace(made.analysis(), comparison=Comparison(Target("10.0.0.5")))
    assert "same  what the server says comes through as it is" in text(same)
    broken = replace(made.analysis(), comparison=Comparison(Target("10.0.0.5"), untested="connection refused"))
    assert "not tested  connection refused" in text(broken)


def test_who_answers_and_what_its_list_means() -> None:
    told = text(made.analysis())
    assert told.startswith("mx1.example.net:25: Postfix, by its own banner\n")
    assert "means" not in told
    assert "  means    The list is that of a server on which Exchange was never installed" in text(
        of_profile("iis").analysis
    )


def test_signs_that_were_not_seen_are_counted() -> None:
    report = text(of_profile("exchange-2003").analysis)
    assert re.search(r"\n  passed +\d\d other signs of a box in the path: not seen *\n", report)
    assert "asterisks" not in report


def test_octets_of_a_step_are_printed_once() -> None:
    report = text(of_profile("iis").analysis)
    assert report.count("sent       EHLO") == 1
    assert report.count("came back  the reply to EHLO above") == 2


def test_no_control_code_reaches_the_reader() -> None:
    banner = b"220 \x1b[31mred\x1b[0m \x07 [bold]mx[/bold] \x9b2J\r\n"
    report = text(of_server(script(banner, b"250 \x1b]0;owned\x07\r\n", b"550 no\r\n", b"221 bye\r\n")).analysis)
    assert all(character == "\n" or " " <= character <= "~" for character in report)
    assert "\\x1b[31mred" in report
    assert "[bold]mx[/bold]" in report


def test_the_last_line_counts() -> None:
    assert verdict(of_profile("iis").analysis) == "1 error, 2 warnings (exit status 2)"
    assert verdict(of_profile("exchange-2010", "strip-exchange").analysis) == "no errors, 2 warnings (exit status 1)"


def test_nothing_could_be_tested() -> None:
    report = text(of_server(script(b"SSH-2.0-OpenSSH_9.2\r\n")).analysis)
    assert "COULD NOT TEST  What answers is no SMTP server" in report
    assert "came back  SSH-2.0-OpenSSH_9.2" in report
    assert "Could not test 127.0.0.1:" in report
    assert "Mail acceptance test" not in report
