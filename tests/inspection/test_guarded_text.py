"""A text that rules may refuse or alter: what is kept back, and every way in which a refused one can end."""

from __future__ import annotations

from smtpguard.policy.actions import Normalise, Record, Reject, Tunnel
from smtpguard.smtp.sides import SERVER
from tests.inspection.openings import GO_AHEAD, QUEUED, exchange, greeted, in_text
from tests.playbook import (
    C,
    Playbook,
    S,
    advance,
    closed,
    eof_client,
    eof_server,
    finished,
    inspector,
    like,
    lost_server,
    record,
    rule,
    rulebook,
    to_client,
    to_server,
    tunnelled,
)

REFUSE = rulebook(rule("no", "violation", Reject(550, "5.5.2", "No"), violation="smuggling"))
NORMALISE = rulebook(rule("one-end", "payload", Normalise(), verb="DATA"))
REFUSAL = b"550 5.5.2 No [no]\r\n"


def refused() -> Playbook:
    """The text is refused, its real end still to come."""
    return in_text(inspector(REFUSE)) >> C(b"a\n.\n") << to_server(b"a\n") << record("violation-rejected", rule="no")


def test_the_refusal_comes_with_the_real_end_and_then_the_session_ends() -> None:
    assert (
        refused()
        >> C(b"rest\r\n..\r\n\n.\r\nQUIT\r\n")
        >> C(b"\r\n.\r\nQUIT\r\n")
        << to_client(REFUSAL)
        << record("message", code=550, accepted=False, recipient_count=1, verb="DATA")
        << closed()
    )


def test_a_server_that_is_lost_meanwhile_ends_it_with_the_usual_words() -> None:
    assert refused() >> lost_server() << to_client(like(rb"421 4\.4\.1 [^\r\n]*\r\n")) << closed()
    assert refused() >> eof_server() << to_client(like(rb"421 4\.4\.1 [^\r\n]*\r\n")) << closed()


def test_a_server_that_has_waited_long_enough_says_so() -> None:
    bye = b"421 4.4.2 mx.example Timeout\r\n"
    assert refused() >> S(bye) << to_client(bye) >> eof_server() << closed()


def test_a_client_that_has_heard_the_servers_last_words_is_not_answered_twice() -> None:
    bye = b"421 4.4.2 mx.example Timeout\r\n"
    book = refused() >> S(bye) << to_client(bye) << record("message", code=421)
    assert book >> C(b"rest\r\n.\r\n") << closed()


def test_a_server_that_answers_before_the_end_is_out_of_step() -> None:
    book = refused() >> S(QUEUED) << to_client(like(rb"421 4\.5\.0 [^\r\n]*\r\n"))
    assert book << record("uncertain", violation="early-reply", then="close") << closed()


def test_a_client_that_leaves_in_the_middle_takes_the_session_with_it() -> None:
    assert (
        refused()
        >> eof_client()
        << finished(SERVER)
        >> eof_server()
        << to_client(like(rb"421 4\.4\.1 [^\r\n]*\r\n"))
        << closed()
    )


def test_a_client_that_never_ends_it_is_not_waited_for_for_ever() -> None:
    book = refused() >> C(b"more") >> advance(seconds=179) >> C(b"more") >> advance(seconds=181)
    assert book << to_client(like(rb"421 4\.4\.2 [^\r\n]*\r\n")) << record("timeout", which="payload") << closed()


def test_in_lmtp_each_recipient_is_refused() -> None:
    book = exchange(greeted(inspector(REFUSE)), b"LHLO a.example\r\n", b"250-mx\r\n250 OK\r\n")
    book = exchange(book, b"MAIL FROM:<a@a.example>\r\n", b"250 ok\r\n")
    for _ in range(3):
        book = exchange(book, b"RCPT TO:<b@b.example>\r\n", b"250 ok\r\n")
    book = exchange(book, b"DATA\r\n", GO_AHEAD) >> C(b"a\n.\nb\r\n.\r\n") << to_server(b"a\n")
    assert book << to_client(REFUSAL * 3) << record("message", code=550, recipient_count=3) << closed()


def test_what_is_kept_back_goes_out_when_the_session_becomes_a_tunnel() -> None:
    loose = rule("loose", "violation", Tunnel(), violation="smuggling")
    assert (
        in_text(inspector(rulebook(loose)))
        >> C(b"a\r\n.")
        << to_server(b"a\r\n")
        >> C(b"\n")
        << to_server(b".\n")
        << tunnelled()
    )


def test_what_is_kept_back_of_an_unfinished_text_is_not_sent() -> None:
    for book in (REFUSE, NORMALISE):
        assert in_text(inspector(book)) >> C(b"a\r\n.") << to_server(b"a\r\n") >> eof_client() << finished(SERVER)


def test_who_only_observes_loses_no_octet_of_an_unfinished_text() -> None:
    watching = rulebook(
        rule("one-end", "payload", Normalise(), verb="DATA", observe=True),
        rule("no", "violation", Reject(), violation="smuggling", observe=True),
        transparent=True, on_uncertain="tunnel", on_crash="pass", turn="tunnel",
    )  # fmt: skip
    text = b"a\n.\rb\r\n."
    book = (
        in_text(inspector(watching)) >> C(text) << to_server(text[:-1]) << record("payload-normalised", observed=True)
    )
    assert book >> eof_client() << to_server(b".") << finished(SERVER)


def test_a_normalised_text_keeps_its_reply_and_its_session() -> None:
    book = in_text(inspector(NORMALISE)) >> C(b"a\rb\n.\n\r\n.\r\n") << to_server(b"a\r\nb\r\n..\r\n\r\n.\r\n")
    book = book << record("payload-normalised", rule="one-end") >> S(QUEUED) << to_client(QUEUED)
    assert exchange(book, b"NOOP\r\n", b"250 2.0.0 OK\r\n")


def test_a_text_without_anything_to_alter_is_no_decision() -> None:
    text = b"Subject: x\r\n\r\n..a\r\n.\r\n"
    book = in_text(inspector(NORMALISE)).strict() >> C(text) << to_server(text) >> S(QUEUED) << to_client(QUEUED)
    assert book << record("message", size=len(text) - 3)


def test_rules_about_lines_are_asked_in_a_guarded_text_too() -> None:
    book = rulebook(
        rule("see", "line", Record()), rule("no", "violation", Reject(550, "5.5.2", "No"), violation="smuggling")
    )
    playbook = in_text(inspector(book)) >> C(b"one\r\n.two\r\n.\r\n") << to_server(b"one\r\n.two\r\n.\r\n")
    playbook = playbook << record("line-recorded") << record("line-recorded")
    assert playbook >> S(QUEUED) << to_client(QUEUED)
