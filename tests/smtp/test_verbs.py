"""The verb table says what the sources say."""

from __future__ import annotations

import re

import pytest

from smtpguard.smtp.verbs import HELD_LINE, UNKNOWN, VERBS

ASKED_FOR = {
    *("HELO", "EHLO", "LHLO", "MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "VRFY", "EXPN", "HELP", "ETRN"),
    *("TURN", "ATRN", "AUTH", "STARTTLS", "XCLIENT", "XFORWARD", "X-EXPS", "X-LINK2STATE", "XEXCH50"),
    *("SEND", "SOML", "SAML"),
}


def test_every_verb_has_its_row() -> None:
    assert set(VERBS) >= ASKED_FOR
    assert all(name == row.name == name.upper() for name, row in VERBS.items())


def test_every_row_says_where_it_is_written() -> None:
    assert all(re.match(r"RFC \d+|KB\d+|Postfix |Exchange 2010", row.source) for row in VERBS.values())


@pytest.mark.parametrize(
    ("verb", "payload", "waits"),
    [
        ("DATA", "text", True),
        ("BDAT", "chunk", False),
        ("XEXCH50", "blob", True),
        ("AUTH", "sasl", True),
        ("X-EXPS", "sasl", True),
        ("STARTTLS", "tls", True),
        ("X-ANONYMOUSTLS", "tls", True),
        ("MAIL", "", False),
    ],
)
def test_what_follows_a_verb_and_what_it_waits_for(verb: str, payload: str, waits: bool) -> None:
    assert (VERBS[verb].payload, VERBS[verb].waits) == (payload, waits)


@pytest.mark.parametrize("verb", ["RSET", "MAIL", "SEND", "SOML", "SAML", "RCPT", "XFORWARD"])
def test_verbs_that_may_be_followed_in_a_group(verb: str) -> None:
    # RFC 2920 3.1; BDAT joins them by RFC 3030 4.2, XFORWARD by what Postfix does.
    assert not VERBS[verb].ends_group


@pytest.mark.parametrize("verb", ["EHLO", "DATA", "VRFY", "EXPN", "TURN", "QUIT", "NOOP", "STARTTLS", "AUTH"])
def test_verbs_that_must_end_a_group(verb: str) -> None:
    assert VERBS[verb].ends_group


@pytest.mark.parametrize(
    ("verb", "octets"), [("NOOP", 512), ("DATA", 512), ("AUTH", 12_288), ("XEXCH50", 50), ("X-LINK2STATE", 1024)]
)
def test_lengths_carry_the_figures_of_their_source(verb: str, octets: int) -> None:
    assert VERBS[verb].max_length == octets


def test_no_row_allows_more_than_the_guard_holds() -> None:
    assert all(row.max_length <= HELD_LINE for row in VERBS.values())


def test_a_verb_outside_the_table_has_no_payload_and_waits_for_nothing() -> None:
    assert (UNKNOWN.name, UNKNOWN.payload, UNKNOWN.waits) == ("", "", False)
