"""What a rule holds back, by a delay or in slices: it costs no deadline, and nothing of it is lost, cut in two or
overtaken, whatever happens meanwhile."""

from __future__ import annotations

import pytest

from smtpguard.policy.actions import Action, Delay, Eat, Reject, Slice, Tunnel
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.openings import (
    QUEUED,
    TEXT,
    ehlo_reply,
    exchange,
    greeted,
    helloed,
    in_text,
)
from tests.playbook import (
    C,
    Playbook,
    S,
    advance,
    closed,
    drain,
    eof_client,
    eof_server,
    finished,
    inspector,
    like,
    lost_server,
    no_record,
    own_reply,
    paused,
    reading,
    record,
    rule,
    to_client,
    to_server,
    tunnelled,
)

OK = b"250 2.0.0 OK\r\n"


def sliced_reply(seconds: float) -> Playbook:
    """The first five octets of a reply are out, the others follow after ``seconds``."""
    book = greeted(inspector(rule("r", "reply", Slice(5, seconds), verb="NOOP")))
    return book >> C(b"NOOP\r\n") << to_server(b"NOOP\r\n") >> S(b"250 fine\r\n") << to_client(b"250 f")


def test_a_delayed_auth_line_still_has_all_its_time() -> None:
    book = exchange(greeted(inspector(rule("r", "payload", Delay(400), verb="AUTH"))), b"AUTH LOGIN\r\n", b"334 x\r\n")
    book = book >> C(b"YWJj\r\n") >> advance(seconds=400) << to_server(b"YWJj\r\n") << no_record("timeout")
    book = book >> advance(seconds=299) << no_record("timeout")
    assert book >> advance(seconds=1) << record("timeout", which="reply") << own_reply(b"421 4.4.2 ") << closed()


def test_a_sliced_reply_leaves_the_client_all_its_time() -> None:
    book = sliced_reply(400) >> advance(seconds=400) << to_client(b"ine\r\n") << no_record("timeout")
    assert exchange(book >> advance(seconds=299), b"QUIT\r\n", b"221 bye\r\n")


def test_a_drain_waits_for_the_rest_of_a_reply() -> None:
    book = sliced_reply(2) >> drain() << to_client(b"")
    assert book >> advance(seconds=2) << to_client(b"ine\r\n") << own_reply(b"421 4.3.2 ") << closed()


def test_our_last_words_come_behind_the_rest_of_a_reply() -> None:
    assert sliced_reply(2) >> lost_server() << to_client(like(rb"ine\r\n421 4\.4\.1 [^\r\n]*\r\n")) << closed()


def test_an_answer_ahead_of_a_sliced_command_does_not_stop_the_client_for_ever() -> None:
    book = greeted(inspector(rule("r", "command", Slice(8, 1.0), verb="AUTH")))
    book = book >> C(b"AUTH LOGIN\r\nYWJj\r\n") << to_server(b"AUTH LOG") >> S(b"334 x\r\n") << to_client(b"334 x\r\n")
    assert book >> advance(seconds=1) << to_server(b"IN\r\nYWJj\r\n")


def test_slices_that_wait_count_as_held() -> None:
    book = in_text(inspector(rule("r", "payload", Slice(20_000, 1.0))))
    text = b"x" * 60_000 + b"\r\n" + TEXT
    book = book >> C(text) << to_server(text[:20_000]) << paused(CLIENT)
    book = book >> advance(seconds=3) << to_server(text[20_000:]) << reading(CLIENT)
    assert (book >> S(QUEUED) << to_client(QUEUED)).in_one_read()


# --- a delay and what becomes of the session meanwhile -------------------------------------------------------------


def test_a_delayed_ehlo_reply_is_not_lost_to_a_tunnel() -> None:
    rules = rule("d", "reply", Delay(1.0), verb="EHLO"), rule("t", "keyword", Tunnel(), keyword="XEXCH50")
    book = greeted(inspector(*rules)) >> C(b"EHLO a\r\n") << to_server(b"EHLO a\r\n") >> S(ehlo_reply())
    assert book >> advance(seconds=1) << to_client(ehlo_reply()) << tunnelled()


def test_a_command_opens_a_tunnel_while_the_reply_before_it_is_delayed() -> None:
    rules = rule("d", "reply", Delay(1.0), verb="EHLO"), rule("t", "command", Tunnel(), verb="HELP")
    hide = rule("k", "keyword", Reject(), keyword="NO-SUCH")
    book = greeted(inspector(*rules, hide)) >> C(b"EHLO a\r\n") << to_server(b"EHLO a\r\n") >> S(ehlo_reply())
    assert book >> C(b"HELP\r\n") << to_client(ehlo_reply()) << to_server(b"HELP\r\n") << tunnelled()


def test_a_turn_whose_reply_is_delayed_turns_when_it_is_out() -> None:
    book = greeted(inspector(rule("d", "reply", Delay(1.0), verb="TURN"), turn="swap")) >> C(b"TURN\r\n")
    book = book << to_server(b"TURN\r\n") >> S(OK) >> advance(seconds=1) << to_client(OK)
    book = book >> C(b"220 new.example\r\n") << to_server(b"220 new.example\r\n")
    assert book >> S(b"EHLO mx\r\n") << to_client(b"EHLO mx\r\n") >> C(b"250 hi\r\n") << to_server(b"250 hi\r\n")


@pytest.mark.parametrize("action", [Reject(550, "", "No"), Eat()])
def test_no_tunnel_while_a_reply_is_owed_that_the_server_never_gives(action: Action) -> None:
    rules = rule("r", "command", action, verb="VRFY"), rule("t", "reply", Tunnel(), verb="RSET")
    book = helloed(inspector(*rules)) >> C(b"RSET\r\nVRFY x\r\nRSET\r\n")
    book = book << to_server(b"RSET\r\n" if isinstance(action, Eat) else b"RSET\r\nRSET\r\n") >> S(OK) << closed()
    assert book if isinstance(action, Eat) else book << own_reply(b"421 4.5.0 ")


def test_what_is_uncertain_closes_while_a_reply_of_our_own_is_owed() -> None:
    book = helloed(inspector(rule("r", "command", Reject(550, "", "No"), verb="VRFY"), on_uncertain="tunnel"))
    book = book >> C(b"RSET\r\nVRFY x\r\nBDAT x\r\n") << to_server(b"RSET\r\n") << own_reply(b"421 4.5.0 ")
    assert book << record("uncertain", violation="bdat-size", then="close") << closed()


def test_both_have_said_all_when_a_delay_ends_in_a_tunnel() -> None:
    book = greeted(inspector(rule("d", "reply", Delay(1.0), verb="STARTTLS"), on_uncertain="tunnel"))
    book = book >> C(b"STARTTLS\r\nx") << to_server(b"STARTTLS\r\n") >> S(b"220 go\r\n")
    book = book >> eof_client() >> eof_server() >> advance(seconds=1) << to_client(b"220 go\r\n") << to_server(b"x")
    assert book << finished(CLIENT) << finished(SERVER) << tunnelled() << closed()
