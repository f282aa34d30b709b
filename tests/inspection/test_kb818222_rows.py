"""KB818222, one playbook a row: what a box can do to XEXCH50, as octets. Facts, section 6."""

from __future__ import annotations

import pytest

from smtpguard.policy.actions import Eat, Mask, Rewrite, Tunnel
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.openings import (
    BLOB,
    BLOB_LINE,
    BLOB_OK,
    UNRECOGNIZED,
    blob_awaited,
    delivered_by_bdat,
    ehlo_reply,
    exchange,
    greeted,
    helloed,
    in_transaction,
)
from tests.inspection.rulebooks import WATCH
from tests.playbook import (
    C,
    S,
    advance,
    closed,
    eof_client,
    eof_server,
    finished,
    inspector,
    no_record,
    own_reply,
    record,
    rule,
    to_client,
    to_server,
    tunnelled,
)

NEED_TO_AUTHENTICATE = b"504 Need to authenticate first\r\n"


@pytest.mark.parametrize(
    "policy", ["pass", "strip-xexch50", "refuse-xexch50", "eat-blob", "eat-ack", "close-on-xexch50"]
)
def test_row_1_another_payload_is_counted_and_passed_under_every_policy(policy: str) -> None:
    """Rows 3 to 6 touch XEXCH50 alone."""
    book = exchange(greeted(inspector(policy)), b"HELO a.example\r\n", b"250 mx.example Hello [198.51.100.7]\r\n")
    assert delivered_by_bdat(exchange(book, b"MAIL FROM:<a@a.example>\r\n", b"250 2.1.0 OK\r\n"))


def test_row_1_counts_the_blob_and_passes_it() -> None:
    book = (
        blob_awaited(inspector("pass"))
        >> C(BLOB)
        << to_server(BLOB)
        >> S(BLOB_OK)
        << to_client(BLOB_OK)
        << record("xexch50", size=len(BLOB), recipients_argument="2", code=354, completed=True, reply=250)
    )
    assert delivered_by_bdat(book) << record("message", verb="BDAT", code=250, accepted=True)


def test_row_2_the_receiver_asks_for_authentication() -> None:
    book = (
        in_transaction(inspector("pass"))
        >> C(BLOB_LINE)
        << to_server(BLOB_LINE)
        >> S(NEED_TO_AUTHENTICATE)
        << to_client(NEED_TO_AUTHENTICATE)
        << record("xexch50", size=len(BLOB), code=504, completed=False)
    )
    assert delivered_by_bdat(book)


def test_row_3_the_box_answers_itself() -> None:
    book = (
        in_transaction(inspector("refuse-xexch50"))
        >> C(BLOB_LINE)
        << own_reply(b"500 5.5.1 ", rule="refuse-xexch50")
        << record("command-rejected", rule="refuse-xexch50", verb="XEXCH50", action="reject")
    )
    assert delivered_by_bdat(book)


def test_row_4_the_box_closes_on_the_unknown_verb() -> None:
    assert (
        in_transaction(inspector("close-on-xexch50"))
        >> C(BLOB_LINE)
        << record("command-closed", rule="close-on-xexch50", verb="XEXCH50", event_id=20031)
        << closed()
    )


def test_row_5_the_box_eats_the_blob() -> None:
    assert (
        blob_awaited(inspector("eat-blob"))
        << record("payload-eaten", rule="eat-blob", verb="XEXCH50", size=len(BLOB), event_id=20031)
        << record("stall", side="client", verb="XEXCH50")
        >> C(BLOB)
        >> advance(seconds=600)
        >> C(b"QUIT\r\n")
        >> S(b"421 4.4.2 Timeout\r\n")
        << no_record("message")
        >> eof_client()
        << closed()
    )


def test_row_5_an_eaten_blob_is_never_answered_by_a_later_reply() -> None:
    assert (
        blob_awaited(inspector("eat-blob"))
        >> C(BLOB + b"BDAT 5 LAST\r\nHelloQUIT\r\n")
        >> S(b"250 2.0.0 never to be taken for the missing one\r\n")
        >> eof_server()
        << closed()
    )


def test_row_6_the_box_eats_the_reply_to_the_blob() -> None:
    assert (
        blob_awaited(inspector("eat-ack"))
        >> C(BLOB)
        << to_server(BLOB)
        >> S(BLOB_OK)
        << record("reply-eaten", rule="eat-ack", verb="XEXCH50", code=250)
        >> C(b"QUIT\r\n")
        >> S(b"221 2.0.0 mx.example Service closing transmission channel\r\n")
        >> advance(seconds=600)
        >> eof_client()
        << closed()
    )


def test_row_7_the_box_reads_lines_only_and_waits_for_one_that_never_ends() -> None:
    """The proxy of 2005 took the blob for a line: of any payload behind a 354 it passes nothing on."""
    lines_only = inspector(rule("lines-only", "payload", Eat(), verb="XEXCH50", when=lambda facts: bool(facts.size)))
    assert (
        blob_awaited(lines_only)
        << record("payload-eaten", rule="lines-only")
        >> C(BLOB[:100])
        >> C(BLOB[100:])
        >> advance(seconds=900)
        >> eof_client()
        << closed()
    )


def test_row_8_a_blob_taken_for_commands_ends_in_a_burst_of_500s() -> None:
    """The client sends its blob although the verb was refused: every line of it is a command, here and there."""
    blob = b"XBLOB1\r\nXBL\x00OB\r\nXBLOB2\r\n"
    assert (
        exchange(in_transaction(inspector(WATCH)), BLOB_LINE, UNRECOGNIZED)
        >> C(blob)
        << to_server(b"XBLOB1\r\nXBLOB2\r\n")
        << record("violation", violation="nul")
        >> S(UNRECOGNIZED + b"421 4.7.0 Too many errors\r\n")
        << to_client(UNRECOGNIZED)
        << own_reply(b"500 5.5.2 ")
        << to_client(b"421 4.7.0 Too many errors\r\n")
        >> eof_server()
        << closed()
    )


def test_row_8_no_rule_can_make_the_guard_itself_lose_count() -> None:
    """A rewritten size would set client and server at odds over where the blob ends: the rule fails instead."""
    desync = inspector(rule("deaf", "command", Rewrite("XEXCH50 3 2"), verb="XEXCH50"))
    assert (
        in_transaction(desync)
        >> C(BLOB_LINE)
        << own_reply(b"421 4.3.0 ", rule="deaf")
        << record("rule-crashed", rule="deaf")
        << closed()
    )


def test_row_9_the_box_strips_the_keyword() -> None:
    assert (
        greeted(inspector("strip-xexch50"))
        >> C(b"EHLO a.example\r\n")
        << to_server(b"EHLO a.example\r\n")
        >> S(ehlo_reply())
        << to_client(ehlo_reply(without=(b"XEXCH50",)))
        << record("keyword-stripped", rule="strip-xexch50", keyword="XEXCH50", where="keyword", action="strip")
    )


def test_row_9_the_box_strips_every_keyword_of_exchange() -> None:
    assert (
        greeted(inspector("strip-exchange"))
        >> C(b"EHLO a.example\r\n")
        << to_server(b"EHLO a.example\r\n")
        >> S(ehlo_reply())
        << to_client(ehlo_reply(without=(b"X",)))
        << record("keyword-stripped", keyword="X-EXPS")
        << record("keyword-stripped", keyword="X-EXPS=LOGIN")
        << record("keyword-stripped", keyword="X-LINK2STATE")
        << record("keyword-stripped", keyword="XEXCH50")
    )


@pytest.mark.parametrize(("style", "masked"), [("star", b"250-XEX*H50\r\n"), ("letters", b"250-XXXXXXA\r\n")])
def test_row_9_the_box_masks_the_keyword(style: str, masked: bytes) -> None:
    mask = rule("mask", "keyword", Mask(style), keyword="XEXCH50")  # type: ignore[arg-type]
    assert (
        greeted(inspector(mask))
        >> C(b"EHLO a.example\r\n")
        << to_server(b"EHLO a.example\r\n")
        >> S(ehlo_reply())
        << to_client(ehlo_reply().replace(b"250-XEXCH50\r\n", masked))
        << record("keyword-masked", rule="mask", keyword="XEXCH50")
    )


def test_row_10_the_box_makes_helo_of_ehlo() -> None:
    helo = inspector(rule("helo", "command", Rewrite("HELO {argument}"), verb="EHLO"))
    book = (
        greeted(helo)
        >> C(b"EHLO a.example\r\n")
        << to_server(b"HELO a.example\r\n")
        << record("command-rewritten", rule="helo", verb="EHLO")
        >> S(b"250 mx.example Hello [198.51.100.7]\r\n")
        << to_client(b"250 mx.example Hello [198.51.100.7]\r\n")
    )
    assert delivered_by_bdat(exchange(book, b"MAIL FROM:<a@a.example>\r\n", b"250 2.1.0 OK\r\n"))


def test_row_11_the_sender_suppresses_the_verb() -> None:
    book = in_transaction(inspector("eat-blob"))
    assert delivered_by_bdat(book) << no_record("payload-eaten") << record("message", accepted=True)


def test_row_12_the_receiver_does_not_advertise_the_verb() -> None:
    reply = ehlo_reply(without=(b"XEXCH50",))
    assert (
        greeted(inspector("strip-xexch50"))
        >> C(b"EHLO a.example\r\n")
        << to_server(b"EHLO a.example\r\n")
        >> S(reply)
        << to_client(reply)
        << no_record("keyword-stripped")
    )


def test_the_box_may_stop_looking_at_the_verb() -> None:
    blind = inspector(rule("blind", "command", Tunnel(), verb="XEXCH50"))
    assert (
        helloed(blind)
        >> C(BLOB_LINE)
        << to_server(BLOB_LINE)
        << record("command-tunnelled", rule="blind")
        << tunnelled()
        >> C(BLOB)
        << to_server(BLOB)
        >> S(b"anything at all")
        << to_client(b"anything at all")
        >> eof_client()
        << finished(SERVER)
        >> eof_server()
        << finished(CLIENT)
        << closed()
    )
