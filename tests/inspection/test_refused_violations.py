"""`then: reject` at `on: violation`: a command is answered and the session goes on, what is no command ends it."""

from __future__ import annotations

import pytest

from smtpguard.smtp.violations import ANSWERABLE, VIOLATIONS
from tests.inspection.openings import exchange, greeted, helloed, in_transaction
from tests.playbook import C, Playbook, S, closed, inspector, like, no_record, own_reply, record, to_client, to_server

REFUSE = """\
summary: Refuses whatever is not allowed
limits: {NOOP: 20, unknown: 20, AUTH: 100}
rules:
  - id: no
    on: violation
    then: {reject: {code: 503, enhanced: 5.5.0, text: "No"}}
"""

OK = b"250 2.0.0 OK\r\n"
LINES = {
    "bare-lf": b"NOOP\n",
    "bare-cr": b"NOOP a\rb\r\n",
    "nul": b"NOOP a\0b\r\n",
    "long-command": b"NOOP 34567890123456\r\n",
    "long-command of a verb outside the table": b"FROB 34567890123456\r\n",
    "xexch50-size": b"XEXCH50 -1 2\r\n",
    "link2state-chunk": b"X-LINK2STATE CHUNK=" + b"A" * 521 + b"\r\n",
}


def refused(book: Playbook, octets: bytes, name: str) -> Playbook:
    return book >> C(octets) << own_reply(b"503 5.5.0 No", rule="no") << record("violation", violation=name)


@pytest.mark.parametrize("name", LINES)
def test_a_command_is_answered_and_the_next_one_passes(name: str) -> None:
    book = refused(helloed(inspector(REFUSE)), LINES[name], name.split()[0])
    assert exchange(book << record("violation-rejected", rule="no"), b"NOOP\r\n", OK)


def test_a_limit_is_kept_to_the_octet() -> None:
    assert exchange(helloed(inspector(REFUSE)), b"NOOP 3456789012345\r\n", OK) << no_record("violation")


def test_a_chunk_behind_last_is_consumed_and_answered_in_its_turn() -> None:
    book = in_transaction(inspector(REFUSE)) >> C(b"BDAT 2 LAST\r\nhi") << to_server(b"BDAT 2 LAST\r\nhi")
    book = book >> C(b"BDAT 6 LAST\r\nNOOP\r\n") << record("violation", violation="bdat-sequence")
    book = book >> S(OK) << to_client(OK + b"503 5.5.0 No [no]\r\n")
    assert exchange(book, b"NOOP\r\n", OK)


def test_a_chunk_behind_data_is_consumed_and_the_next_command_passes() -> None:
    book = exchange(in_transaction(inspector(REFUSE)), b"DATA\r\n", b"354 go\r\n")
    book = book >> C(b"a\r\n.\r\n") << to_server(b"a\r\n.\r\n")
    book = book >> C(b"BDAT 6 LAST\r\nNOOP\r\n") << record("violation", violation="bdat-sequence")
    book = book >> S(OK) << to_client(OK + b"503 5.5.0 No [no]\r\n")
    assert exchange(book, b"NOOP\r\n", OK)


def test_data_behind_bdat_is_answered() -> None:
    book = (
        in_transaction(inspector(REFUSE)) >> C(b"BDAT 2\r\nhi") << to_server(b"BDAT 2\r\nhi") >> S(OK) << to_client(OK)
    )
    assert exchange(refused(book, b"DATA\r\n", "bdat-sequence"), b"RSET\r\n", OK)


@pytest.mark.parametrize("line", [b"BDAT 5 X\r\n", b"BDAT 5\n", b"BDAT 5\0 LAST\r\n"])
def test_octets_that_cannot_be_counted_end_the_session(line: bytes) -> None:
    assert (
        in_transaction(inspector(REFUSE))
        >> C(line + b"hello")
        << to_client(like(rb"503 5\.5\.0 No \[no\]\r\n"))
        << record("violation", violation="bdat-size")
        << closed()
    )


def test_who_talks_first_is_refused_and_gone() -> None:
    assert (
        Playbook(inspector(REFUSE))
        >> C(b"EHLO a.example\r\n")
        << to_client(b"503 5.5.0 No [no]\r\n")
        << record("violation", violation="early-talk")
        << closed()
    )


def test_a_group_that_should_have_ended_is_refused_whole() -> None:
    book = (
        helloed(inspector(REFUSE))
        >> C(b"NOOP\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nBDAT 6\r\nNOOP\r\n")
        << to_server(b"NOOP\r\n")
        << record("violation", violation="pipelining")
        >> S(OK)
        << to_client(OK + b"503 5.5.0 No [no]\r\n" * 3)
    )
    # It has waited: a group may begin.
    book = book >> C(b"RSET\r\nMAIL FROM:<a@a.example>\r\n") << to_server(b"RSET\r\nMAIL FROM:<a@a.example>\r\n")
    assert exchange(book >> S(OK + OK) << to_client(OK + OK), b"NOOP\r\n", OK)


def test_each_broken_group_is_refused_though_it_is_recorded_once() -> None:
    book = helloed(inspector(REFUSE))
    for _ in range(3):
        book = book >> C(b"NOOP\r\nNOOP\r\n") << to_server(b"NOOP\r\n") << record("violation-rejected", rule="no")
        book = book >> S(OK) << to_client(OK + b"503 5.5.0 No [no]\r\n") << no_record("violation")
    assert book


def test_a_line_of_an_auth_exchange_has_the_limit_of_its_verb() -> None:
    book = exchange(helloed(inspector(REFUSE)), b"AUTH LOGIN\r\n", b"334 VXNlcm5hbWU6\r\n")
    book = exchange(book, b"x" * 98 + b"\r\n", b"334 UGFzc3dvcmQ6\r\n")
    assert (
        book
        >> C(b"x" * 99 + b"\r\n")
        << to_client(b"503 5.5.0 No [no]\r\n")
        << record("violation", violation="long-command", verb="AUTH", detail="101 octets")
        << closed()
    )


def test_every_answerable_violation_is_shown_here() -> None:
    assert set(ANSWERABLE) <= {*VIOLATIONS}
    assert {*(name.split()[0] for name in LINES), "bdat-sequence", "pipelining"} == set(ANSWERABLE)


def test_it_is_no_end_of_a_session_for_who_only_observes() -> None:
    watching = REFUSE.replace("limits", "mode: observe\nlimits")
    line = LINES["xexch50-size"]
    book = helloed(inspector(watching)) >> C(line) << to_server(line) << record("violation-rejected", observed=True)
    book = book >> S(b"504 Need to authenticate first\r\n") << to_client(b"504 Need to authenticate first\r\n")
    assert book >> C(line) << to_server(line) << no_record("violation-rejected", after="no")


def test_a_line_before_hello_is_answered_too() -> None:
    assert greeted(inspector(REFUSE)) >> C(b"\n") << own_reply(b"503 5.5.0 No", rule="no")
