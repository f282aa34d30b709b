"""The course of an attempt and its parts."""

from __future__ import annotations

from smtpguard.lab.sender.attempt import Course, Refusal, last_line
from smtpguard.lab.sender.envelope import Envelope, domain_of
from smtpguard.lab.sender.steps import Step
from smtpguard.smtp.replies import Reply


def test_on_an_open_connection_the_first_five_steps_are_done() -> None:
    board = Course.on_open_connection().board
    assert [row.state for row in board.states()] == ["ok"] * 5 + ["not reached"] * 10
    assert board.current is Step.MAIL


def test_a_refusal_is_for_good_from_500_on() -> None:
    assert Refusal("a@example.net", 500, "").permanent
    assert not Refusal("a@example.net", 499, "").permanent


def test_the_last_line_keeps_its_blanks() -> None:
    assert (
        last_line(Reply(b"504-more\r\n504 Need to authenticate first \r\n", 504)) == "504 Need to authenticate first "
    )


def test_domains_have_no_case() -> None:
    assert Envelope("a@example.com", ("b@Example.NET",), b"", b"").domain == "example.net"
    assert domain_of('"odd@local"@Example.org') == "example.org"
