"""What rules see of a command beside its words: its length, its place among the RCPTs, how it was cut."""

from __future__ import annotations

from itertools import pairwise

import pytest

from smtpguard.policy.actions import Reject, Rewrite
from smtpguard.policy.rulebook import Facts
from tests.inspection.openings import RECIPIENT_OK, SENDER_OK, exchange, greeted, helloed
from tests.playbook import UNKNOWN, C, S, inspector, no_record, own_reply, record, rule, to_client, to_server

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


def test_a_success_that_no_server_gave_is_a_lie_in_the_record() -> None:
    book = greeted(inspector(rule("r", "command", Reject(250, "", "OK", exact=True), verb=UNKNOWN), lies=True))
    assert book >> C(b"FROB\r\n") << to_client(b"250 OK\r\n") << record("command-rejected", rule="r", lie=250)
