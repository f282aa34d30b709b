"""What rules see of a command beside its words: its length, its place among the RCPTs, how it was cut."""

from __future__ import annotations

from itertools import pairwise

import pytest

from smtpguard.inspection.terms import Terms
from smtpguard.policy.actions import Reject, Rewrite
from smtpguard.policy.rulebook import Facts
from smtpguard.smtp.sides import CLIENT
from tests.inspection.openings import RECIPIENT_OK, SENDER_OK, exchange, greeted, helloed
from tests.playbook import (
    UNKNOWN,
    C,
    S,
    inspector,
    no_record,
    own_reply,
    record,
    rule,
    starting_tls,
    tls_up,
    to_client,
    to_server,
)

MAIL = b"MAIL FROM:<a@a.example>\r\n"
RCPT = b"RCPT TO:<b@b.example>\r\n"
OK = b"250 2.0.0 OK\r\n"


def test_a_length_counts_the_line_end() -> None:
    """ISA's table gives NOOP 6 octets: the word and CRLF."""
    book = helloed(inspector(rule("r", "command", Reject(501, ""), verb="NOOP", when=lambda facts: facts.length > 6)))
    book = exchange(book, b"NOOP\r\n", OK)
    assert book >> C(b"NOOP \r\n") << own_reply(b"501 ", rule="r")


def third(facts: Facts) -> bool:
    return facts.recipients > 2


def test_recipients_count_the_rcpts_of_a_transaction_pipelined_or_not_accepted_or_not() -> None:
    book = exchange(helloed(inspector(rule("r", "command", Reject(452, ""), verb="RCPT", when=third))), MAIL, SENDER_OK)
    book = book >> C(RCPT + RCPT + RCPT) << to_server(RCPT + RCPT) << record("command-rejected")
    book = book >> S(RECIPIENT_OK + b"550 no\r\n") << to_client(RECIPIENT_OK + b"550 no\r\n")
    book = book << own_reply(b"452 ", rule="r")
    book = exchange(exchange(book, b"RSET\r\n", OK), MAIL, SENDER_OK)
    assert exchange(book, RCPT, RECIPIENT_OK)


def split(facts: Facts) -> bool:
    return facts.split_verb


@pytest.mark.parametrize("cuts", [[1], [3], [1, 2, 3, 4, 5], [4]])
def test_a_verb_that_comes_in_two_reads(cuts: list[int]) -> None:
    book = greeted(inspector(rule("r", "command", Rewrite("{xline}"), when=split)))
    line = b"HELO a.example\r\n"
    for start, stop in pairwise([0, *cuts, len(line)]):
        book = book >> C(line[start:stop])
    book = book << to_server(b"XXXX a.example\r\n") >> S(b"500 no\r\n") << to_client(b"500 no\r\n")
    book = book >> C(line) << to_server(line) << no_record("command-rewritten")
    assert book.in_one_read()


@pytest.mark.parametrize("cut", [5, 9, 15])
def test_a_verb_that_came_whole_and_its_line_in_two(cut: int) -> None:
    book = greeted(inspector(rule("r", "command", Rewrite("{xline}"), when=split)))
    line = b"HELO a.example\r\n"
    book = book >> C(line[:cut]) >> C(line[cut:]) << to_server(line) << no_record("command-rewritten")
    assert book.in_one_read()


def test_a_split_verb_that_is_refused_for_where_it_stands_is_not_the_next_one() -> None:
    book = greeted(
        inspector(
            rule("early", "violation", Reject(503, ""), violation="pipelining"),
            rule("cut", "command", Reject(502, ""), verb=UNKNOWN, when=split),
        )
    )
    book = book >> C(b"EHLO a\r\n") << to_server(b"EHLO a\r\n") >> C(b"HE") >> C(b"LO b\r\n")
    book = book >> S(OK) << to_client(OK) << own_reply(b"503 ", rule="early")
    book = exchange(exchange(book, b"NOOP\r\n", OK), b"FROB\r\n", OK) << no_record("command-rejected")
    assert book.in_one_read()


def test_a_split_verb_that_came_before_the_hello_in_tls_is_not_the_next_one() -> None:
    cut = rule("cut", "command", Reject(502, ""), verb="NOOP", when=split)
    book = greeted(inspector(cut, terms=Terms(starttls="bridge", offer="always")))
    book = book >> C(b"EHLO a\r\n") << to_server(b"EHLO a\r\n")
    book = book >> S(b"250 mx\r\n") << to_client(b"250-mx\r\n250 STARTTLS\r\n")
    book = book >> C(b"STARTTLS\r\n") << own_reply(b"220 ") << starting_tls(CLIENT) >> tls_up(CLIENT)
    book = book >> C(b"FR") >> C(b"OB\r\n") << own_reply(b"503 ")
    assert exchange(book, b"NOOP\r\n", OK).in_one_read()


def test_a_success_that_no_server_gave_is_a_lie_in_the_record() -> None:
    book = greeted(inspector(rule("r", "command", Reject(250, "", "OK", exact=True), verb=UNKNOWN), lies=True))
    assert book >> C(b"FROB\r\n") << to_client(b"250 OK\r\n") << record("command-rejected", rule="r", lie=250)
