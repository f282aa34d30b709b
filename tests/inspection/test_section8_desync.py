"""Out of step: early talk and groups D1, D2, replies D3, BDAT E1 and E2, XEXCH50 E3. Facts, section 8."""

from __future__ import annotations

import pytest

from smtpguard.smtp.sides import CLIENT
from tests.inspection.openings import (
    BANNER,
    BLOB,
    BLOB_LINE,
    BLOB_OK,
    GO_AHEAD,
    GO_BINARY,
    QUEUED,
    TEXT,
    UNRECOGNIZED,
    blob_awaited,
    ehlo_reply,
    exchange,
    greeted,
    helloed,
    in_text,
    in_transaction,
)
from tests.inspection.rulebooks import WATCH
from tests.playbook import (
    C,
    Playbook,
    S,
    closed,
    eof_server,
    finished,
    inspector,
    like,
    no_record,
    record,
    to_client,
    to_server,
    tunnelled,
)

BYE = like(rb"421 [^\r\n]*\r\n")


def test_d1_a_client_that_talks_before_the_banner_is_recorded_once() -> None:
    assert (
        Playbook(inspector(WATCH))
        >> C(b"EHLO a.example\r\n")
        << to_server(b"EHLO a.example\r\n")
        << record("violation", violation="early-talk", blame="client")
        >> C(b"NOOP\r\n")
        << to_server(b"NOOP\r\n")
        << no_record("violation", violation="early-talk")
        >> S(BANNER)
        << to_client(BANNER)
        >> S(ehlo_reply())
        << to_client(ehlo_reply())
    )


@pytest.mark.parametrize("verb", [b"EHLO x", b"VRFY x", b"EXPN x", b"QUIT", b"NOOP", b"HELP"])
def test_d2_a_verb_that_must_end_its_group_did_not(verb: bytes) -> None:
    assert (
        helloed(inspector(WATCH))
        >> C(verb + b"\r\nRSET\r\n")
        << to_server(verb + b"\r\nRSET\r\n")
        << record("violation", violation="pipelining", blame="client")
    )


@pytest.mark.parametrize("verb", [b"RSET", b"MAIL FROM:<a@a.example>", b"SEND FROM:<a@a>", b"SOML FROM:<a@a>"])
def test_d2_others_may_be_followed(verb: bytes) -> None:
    assert (
        helloed(inspector(WATCH))
        >> C(verb + b"\r\nRCPT TO:<b@b.example>\r\nDATA\r\n")
        << to_server(verb + b"\r\nRCPT TO:<b@b.example>\r\nDATA\r\n")
        << no_record("violation")
    )


def test_d2_it_is_recorded_once_a_session() -> None:
    assert (
        helloed(inspector(WATCH))
        >> C(b"NOOP\r\nNOOP\r\n")
        << to_server(b"NOOP\r\nNOOP\r\n")
        << record("violation", violation="pipelining")
        >> C(b"NOOP\r\nNOOP\r\n")
        << to_server(b"NOOP\r\nNOOP\r\n")
        << no_record("violation")
    )


BAD_REPLIES = {
    "reply-code-change": b"250-one\r\n550 two\r\n",
    "reply-code": b"100 continue\r\n",
    "reply-code ": b"621 what\r\n",
    "malformed-reply": b"hello there\r\n",
    "malformed-reply ": b"250-one\r\nhello\r\n",
}


@pytest.mark.parametrize("name", BAD_REPLIES)
def test_d3_a_reply_that_two_clients_may_read_differently_ends_the_session(name: str) -> None:
    assert (
        helloed(inspector(WATCH))
        >> C(b"NOOP\r\n")
        << to_server(b"NOOP\r\n")
        >> S(BAD_REPLIES[name])
        << to_client(BYE)
        << record("violation", violation=name.strip(), blame="server")
        << record("uncertain", violation=name.strip(), then="close")
        << closed()
    )


@pytest.mark.parametrize("name", BAD_REPLIES)
def test_d3_under_pass_it_makes_a_tunnel(name: str) -> None:
    assert (
        helloed(inspector("pass"))
        >> C(b"NOOP\r\n")
        << to_server(b"NOOP\r\n")
        >> S(BAD_REPLIES[name])
        << to_client(BAD_REPLIES[name])
        << record("uncertain", violation=name.strip(), then="tunnel")
        << tunnelled()
    )


@pytest.mark.parametrize("extra", [b"250 2.0.0 more\r\n", b"354 go\r\n", b"550 no\r\n"])
def test_d3_more_replies_than_commands_end_the_session(extra: bytes) -> None:
    book = exchange(helloed(inspector(WATCH)), b"NOOP\r\n", b"250 2.0.0 OK\r\n")
    assert (
        book
        >> S(extra)
        << to_client(BYE)
        << record("uncertain", violation="unsolicited-reply", then="close")
        << closed()
    )


def test_d3_a_server_that_says_421_on_its_own_accord_is_no_fault() -> None:
    """RFC 5321 3.8: a 421 may come at any time, and the server closes behind it."""
    bye = b"421 4.4.2 mx.example Timeout\r\n"
    assert helloed(inspector(WATCH)) >> S(bye) << to_client(bye) << no_record("uncertain") >> eof_server() << closed()


def test_d3_the_misprint_of_a_microsoft_sample_is_reported_and_passes() -> None:
    reply = b"250-mx.example\r\n250-X-EXPS GSSAPI NTLM LOGIN\r\n240-X-EXPS=LOGIN *\r\n250-XEXCH50\r\n250 OK\r\n"
    assert (
        greeted(inspector(WATCH))
        >> C(b"EHLO a.example\r\n")
        << to_server(b"EHLO a.example\r\n")
        >> S(reply)
        << to_client(reply)
        << record("violation", violation="reply-misprint", blame="server", verb="EHLO")
        << no_record("uncertain")
    )


def test_d3_the_misprinted_line_can_still_be_stripped() -> None:
    reply = b"250-mx.example\r\n240-X-EXPS=LOGIN *\r\n250-XEXCH50\r\n250 OK\r\n"
    assert (
        greeted(inspector("strip-exchange"))
        >> C(b"EHLO a.example\r\n")
        << to_server(b"EHLO a.example\r\n")
        >> S(reply)
        << to_client(b"250-mx.example\r\n250 OK\r\n")
        << record("keyword-stripped", keyword="X-EXPS=LOGIN")
        << record("keyword-stripped", keyword="XEXCH50")
    )


@pytest.mark.parametrize("policy", ["pass", "strip-exchange"])
def test_e1_octets_of_a_refused_bdat_never_become_a_command(policy: str) -> None:
    book = (helloed(inspector(policy)) if policy == "pass" else greeted(inspector(policy))) >> C(
        b"BDAT 9 LAST\r\nMAIL FROM"
    )
    book = book << to_server(b"BDAT 9 LAST\r\nMAIL FROM")
    book = book >> S(b"503 5.5.2 Need Rcpt command\r\n") << to_client(b"503 5.5.2 Need Rcpt command\r\n")
    assert exchange(book, b"NOOP\r\n", b"250 2.0.0 OK\r\n")


def test_e1_the_refusal_may_come_before_the_octets() -> None:
    book = exchange(helloed(inspector(WATCH)), b"BDAT 11 LAST\r\n", b"503 5.5.2 Need Rcpt command\r\n")
    book = book >> C(b"RSET\r\nQUIT\r") << to_server(b"RSET\r\nQUIT\r") << no_record("command-recorded")
    assert exchange(book, b"NOOP\r\n", b"250 2.0.0 OK\r\n")


@pytest.mark.parametrize(
    "line",
    [
        b"BDAT 5 X\r\n",
        b"BDAT -1\r\n",
        b"BDAT 99999999999999999999 LAST\r\n",
        b"BDAT\r\n",
        b"BDAT LAST\r\n",
        b"bdat x\r\n",
    ],
)
def test_e2_a_bdat_that_cannot_be_counted_ends_the_session(line: bytes) -> None:
    assert (
        in_transaction(inspector(WATCH))
        >> C(line + b"octets\r\n")
        << to_client(BYE)
        << record("violation", violation="bdat-size", blame="client", verb="BDAT")
        << record("uncertain", violation="bdat-size", then="close")
        << closed()
    )


def test_e2_under_pass_it_makes_a_tunnel() -> None:
    assert (
        in_transaction(inspector("pass"))
        >> C(b"BDAT 5 X\r\noctets\r\n")
        << to_server(b"BDAT 5 X\r\noctets\r\n")
        << record("uncertain", violation="bdat-size", then="tunnel")
        << tunnelled()
    )


def test_e2_an_empty_last_chunk_ends_the_message() -> None:
    book = in_transaction(inspector(WATCH)) >> C(b"BDAT 5\r\nHello") << to_server(b"BDAT 5\r\nHello")
    book = book >> S(b"250 2.0.0 5 octets\r\n") << to_client(b"250 2.0.0 5 octets\r\n") << no_record("message")
    assert (
        book
        >> C(b"BDAT 0 LAST\r\n")
        << to_server(b"BDAT 0 LAST\r\n")
        >> S(QUEUED)
        << to_client(QUEUED)
        << record("message", verb="BDAT", size=5, accepted=True, sender="a@a.example", recipients=["b@b.example"])
    )


def test_e2_dots_in_a_chunk_are_octets_like_others() -> None:
    line = b"BDAT 12 LAST\r\n..a\r\n.\r\nQUIT"
    book = in_transaction(inspector(WATCH)) >> C(line) << to_server(line) << no_record("violation")
    book = book >> S(QUEUED) << to_client(QUEUED) << record("message", size=12)
    assert exchange(book, b"NOOP\r\n", b"250 2.0.0 OK\r\n")


@pytest.mark.parametrize("second", [b"BDAT 1 LAST\r\nx", b"BDAT 1\r\nx"])
def test_e2_bdat_behind_last_is_recorded(second: bytes) -> None:
    both = b"BDAT 5 LAST\r\nHello" + second
    assert (
        in_transaction(inspector(WATCH))
        >> C(both)
        << to_server(both)
        << record("violation", violation="bdat-sequence", blame="client", verb="BDAT")
    )


def test_e2_data_behind_bdat_is_recorded() -> None:
    book = in_transaction(inspector(WATCH)) >> C(b"BDAT 5\r\nHello") << to_server(b"BDAT 5\r\nHello")
    book = book >> S(b"250 2.0.0 5 octets\r\n") << to_client(b"250 2.0.0 5 octets\r\n")
    assert (
        book
        >> C(b"DATA\r\n")
        << to_server(b"DATA\r\n")
        << record("violation", violation="bdat-sequence", verb="DATA")
        >> S(b"503 5.5.1 bad sequence\r\n")
        << to_client(b"503 5.5.1 bad sequence\r\n")
    )


def test_e3_after_a_refusal_the_next_octet_is_a_command() -> None:
    book = exchange(in_transaction(inspector(WATCH)), BLOB_LINE, UNRECOGNIZED)
    assert (
        book
        >> C(b"NOOP\r\n")
        << to_server(b"NOOP\r\n")
        << record("command-recorded", verb="NOOP")
        >> S(b"250 2.0.0 OK\r\n")
        << to_client(b"250 2.0.0 OK\r\n")
    )


def test_e3_an_end_of_data_inside_the_blob_ends_nothing() -> None:
    assert b"\r\n.\r\nQUIT\r\n" in BLOB
    book = blob_awaited(inspector(WATCH)) >> C(BLOB) << to_server(BLOB) << no_record("command-recorded")
    assert exchange(book >> S(BLOB_OK) << to_client(BLOB_OK), b"NOOP\r\n", b"250 2.0.0 OK\r\n")


def test_e3_a_blob_before_the_354_waits_and_is_recorded_once() -> None:
    assert (
        in_transaction(inspector(WATCH))
        >> C(BLOB_LINE + BLOB[:50])
        << to_server(BLOB_LINE)
        >> C(BLOB[50:])
        >> S(GO_BINARY)
        << to_client(GO_BINARY)
        << to_server(BLOB)
        << record("violation", violation="early-blob", blame="client", verb="XEXCH50")
        >> S(BLOB_OK)
        << to_client(BLOB_OK)
        << record("xexch50", size=len(BLOB), completed=True)
    )


def test_e3_a_blob_sent_though_refused_is_what_the_server_takes_it_for() -> None:
    """The server reads it as commands, so the guard does too: what no command may hold never arrives."""
    assert (
        in_transaction(inspector(WATCH))
        >> C(b"XEXCH50 12 2\r\nNOOP\r\nRSET\r\n")
        << to_server(b"XEXCH50 12 2\r\n")
        >> S(UNRECOGNIZED)
        << to_client(UNRECOGNIZED)
        << to_server(b"NOOP\r\nRSET\r\n")
        << record("command-recorded", verb="NOOP")
        << record("command-recorded", verb="RSET")
    )


def test_text_before_the_354_waits_and_is_recorded_once_a_data() -> None:
    assert (
        in_transaction(inspector(WATCH))
        >> C(b"DATA\r\n" + TEXT[:10])
        << to_server(b"DATA\r\n")
        >> C(TEXT[10:])
        >> S(GO_AHEAD)
        << to_client(GO_AHEAD)
        << to_server(TEXT)
        << record("violation", violation="early-data", blame="client", verb="DATA")
        >> S(QUEUED)
        << to_client(QUEUED)
        << record("message", size=len(TEXT) - 3)
    )


def test_a_reply_to_a_text_that_has_not_ended_ends_the_session() -> None:
    book = in_text(inspector(WATCH))
    assert (
        book
        >> C(b"half a text\r\n")
        << to_server(b"half a text\r\n")
        >> S(b"552 5.3.4 too big\r\n")
        << to_client(like(rb"(552 5\.3\.4 too big\r\n)?421 [^\r\n]*\r\n"))
        << record("uncertain", violation="early-reply", then="close")
        << closed()
    )


def test_a_server_that_ends_inside_a_reply_is_recorded() -> None:
    assert (
        helloed(inspector("pass"))
        >> C(b"EHLO b.example\r\n")
        << to_server(b"EHLO b.example\r\n")
        >> S(b"250-mx.example\r\n250-SI")
        >> eof_server()
        << to_client(b"250-mx.example\r\n250-SI")
        << record("violation", violation="cut-reply", blame="server")
        << finished(CLIENT)
    )
