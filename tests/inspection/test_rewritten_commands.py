"""What a rewrite makes of a command, a greeting or a reply, and what it may not."""

from __future__ import annotations

import pytest

from smtpguard.inspection.terms import Terms
from smtpguard.policy.actions import Action, Delay, Rewrite, Slice
from tests.inspection.openings import BANNER, GO_AHEAD, exchange, greeted
from tests.inspection.test_action_cases import ANY_421, OK, sole
from tests.playbook import (
    UNKNOWN,
    C,
    Playbook,
    S,
    closed,
    inspector,
    like,
    own_reply,
    record,
    rule,
    rulebook,
    to_client,
    to_server,
)


def test_rewrite_to_noop_and_the_reply_is_the_noops() -> None:
    book = sole(Rewrite("NOOP"), verb=UNKNOWN) >> C(b"FROB x\r\n") << to_server(b"NOOP\r\n")
    book = book << record("command-rewritten", rule="r") >> S(OK) << to_client(OK)
    assert exchange(book, b"NOOP\r\n", OK)


@pytest.mark.parametrize(
    ("to", "line"),
    [("{x}", b"XXXXXXXX\r\n"), ("{xverb} {argument}", b"XXXX a.b\r\n"), ("{xline}", b"XXXX a.b\r\n")],
)
def test_rewrite_to_xs_of_the_same_length(to: str, line: bytes) -> None:
    assert sole(Rewrite(to), verb="EHLO") >> C(b"EHLO a.b\r\n") << to_server(line)


def test_rewrite_takes_no_word_of_the_client_for_one_of_its_own() -> None:
    """Filled in as well, a line full of them would grow to thousands of times its size."""
    told = b" {x} {argument} {line}\r\n"
    assert sole(Rewrite("HELO {argument}"), verb="EHLO") >> C(b"EHLO" + told) << to_server(b"HELO" + told)


def test_rewrite_of_a_command_with_octets_behind_it_lets_none_of_them_become_a_command() -> None:
    book = sole(Rewrite("NOOP"), verb="BDAT") >> C(b"BDAT 6 LAST\r\nQUIT\r\nRSET\r\n")
    assert book << to_server(b"NOOP\r\nRSET\r\n")


@pytest.mark.parametrize("to", ["DATA", "BDAT 5", "XEXCH50 5 2", "AUTH LOGIN", "STARTTLS", "TURN", "ATRN"])
def test_rewrite_may_begin_neither_a_payload_nor_a_turn(to: str) -> None:
    """What follows would be framed for a verb that the client never said."""
    book = sole(Rewrite(to), verb="NOOP") >> C(b"NOOP\r\n") << to_client(ANY_421)
    assert book << record("rule-crashed", rule="r") << closed()


def test_rewrite_is_no_way_round_a_verb_that_is_the_guards_alone() -> None:
    terms = Terms(shielded=True)
    for line, to in ((b"XCLIENT ADDR=192.0.2.1\r\n", "{line}"), (b"XFORWARD NAME=a\r\n", "{verb} {argument}")):
        book = greeted(inspector(rulebook(rule("r", "command", Rewrite(to))), terms=terms))
        assert book >> C(line) << own_reply(b"502 5.5.1 ") << record("unshared-verb")
    book = greeted(inspector(rulebook(rule("r", "command", Rewrite("{argument}"))), terms=terms))
    assert book >> C(b"FROB XCLIENT ADDR=192.0.2.1\r\n") << to_client(ANY_421) << record("rule-crashed") << closed()


def test_rewrite_never_emits_a_line_end_of_its_own() -> None:
    book = sole(Rewrite("NOOP a\r\nRSET"), verb="VRFY") >> C(b"VRFY x\r\n")
    assert book << to_server(b"NOOP aRSET\r\n")


def test_rewrite_of_the_greeting_and_of_a_reply() -> None:
    book = Playbook(inspector(rule("r", "greeting", Rewrite("220 hidden ESMTP"))))
    assert book >> S(BANNER) << to_client(b"220 hidden ESMTP\r\n") << record("greeting-rewritten", rule="r")
    book = sole(Rewrite("252 2.1.5 Cannot"), "reply", verb="VRFY", code=250) >> C(b"VRFY x\r\n")
    assert book << to_server(b"VRFY x\r\n") >> S(OK) << to_client(b"252 2.1.5 Cannot\r\n")


def test_rewrite_of_a_go_ahead_cannot_set_client_and_server_at_odds() -> None:
    """The server waits for a text; a client that hears 550 sends commands, which would become the text."""
    book = (
        sole(Rewrite("550 5.7.1 changed"), "reply", verb="DATA", code=354) >> C(b"DATA\r\n") << to_server(b"DATA\r\n")
    )
    book = book >> S(GO_AHEAD) << to_client(like(rb"(550|421) [^\r\n]*\r\n(421 [^\r\n]*\r\n)?")) << closed()
    assert book >> C(b"RSET\r\n")


@pytest.mark.parametrize("action", [Delay(0.0), Slice(1), Rewrite("{line}")])
def test_delay_slice_and_rewrite_are_no_way_round_a_refused_turn(action: Action) -> None:
    assert sole(action, verb="TURN") >> C(b"TURN\r\n") << own_reply(b"502 5.5.1 ") << record("turn", outcome="refused")
