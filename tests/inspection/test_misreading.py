"""Boxes that misread a counted payload: as lines, as commands."""

from __future__ import annotations

from smtpguard.policy.actions import Misread
from tests.inspection.openings import blob_awaited
from tests.playbook import C, S, advance, closed, inspector, no_record, own_reply, record, rule, to_client, to_server
from tests.playbook.playbook import Factory


def misreads(action: Misread) -> Factory:
    """An inspector under one rule."""
    return inspector(rule("r", "payload", action, verb="XEXCH50"))


def test_lines_of_a_blob_pass_and_its_last_piece_waits_for_a_line_end() -> None:
    book = blob_awaited(misreads(Misread("lines"))) << record("payload-misread", rule="r")
    book = book >> C(b"one\r\n\ntwo") << to_server(b"one\r\n\n") >> C(b"\r\nthree") << to_server(b"two\r\n")
    assert book >> advance(seconds=3600) << record("timeout", which="stalled") << own_reply(b"421 4.4.2 ") << closed()


def test_a_line_without_end_passes_when_it_is_longer_than_the_guard_holds() -> None:
    octets = b"x" * 16_384
    book = blob_awaited(misreads(Misread("lines"))) >> C(octets[:-1]) >> C(b"x") << to_server(octets)
    assert book >> C(b"y")


def test_the_reply_to_a_blob_read_as_lines_still_passes() -> None:
    book = blob_awaited(misreads(Misread("lines"))) >> C(b"blob\n") << to_server(b"blob\n")
    assert book >> S(b"250 XEXCH50 OK\r\n") << to_client(b"250 XEXCH50 OK\r\n")


def test_each_line_taken_for_a_command_is_answered_until_the_limit() -> None:
    book = blob_awaited(misreads(Misread("commands", limit=3, reply="500 what", last="421 enough")))
    book = book >> C(b"one\r\n") << to_client(b"500 what\r\n") >> C(b"RSET\r\n") << to_client(b"500 what\r\n")
    book = book >> C(b"three") >> C(b"\r\nfour\r\n") << to_client(b"421 enough\r\n") << closed()
    assert book << no_record("violation")


def test_lines_that_still_pass_put_the_deadline_off() -> None:
    book = blob_awaited(misreads(Misread("lines"))) >> advance(seconds=3599) >> C(b"blob\n") << to_server(b"blob\n")
    book = book >> advance(seconds=3599) << no_record("timeout")
    assert book >> advance(seconds=1) << record("timeout", which="stalled") << own_reply(b"421 4.4.2 ") << closed()
