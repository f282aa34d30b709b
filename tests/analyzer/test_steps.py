"""A step in words, and octets that can do a terminal no harm."""

from __future__ import annotations

from smtpguard.analyzer.steps import Step, named, shown


def test_control_codes_are_shown_not_sent() -> None:
    assert shown(b"220 \x1b[2J\x07mx\xff") == "220 \\x1b[2J\\x07mx\\xff"


def test_long_octets_are_cut_and_counted() -> None:
    assert shown(b"x" * 201) == "x" * 200 + " ... (201 octets)"
    assert shown(b"x" * 200) == "x" * 200


def test_accepted() -> None:
    assert Step("MAIL", code=250).accepted
    assert Step("DATA", code=354).accepted
    assert not Step("MAIL", code=354).accepted
    assert not Step("MAIL", code=550).accepted
    assert not Step("MAIL", code=250, failure="babbling").accepted


def test_the_last_step_of_a_name() -> None:
    first, second = Step("MAIL", code=250), Step("MAIL", code=550)
    assert named((first, second), "MAIL") is second
    assert named((first,), "RCPT") is None
