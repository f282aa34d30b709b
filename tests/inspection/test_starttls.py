"""STARTTLS by the terms of a listener: bridged, answered in the server's place, refused, stripped; nothing in clear
where TLS should stand, on either leg."""

from __future__ import annotations

import pytest

from smtpguard.inspection.client_flow import MAX_PENDING
from smtpguard.inspection.terms import StartTlsMode, Terms
from smtpguard.policy.actions import Delay, Record, Reject, Strip
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.openings import exchange, greeted
from tests.inspection.rulebooks import PASS, WATCH
from tests.playbook import (
    C,
    Playbook,
    S,
    advance,
    closed,
    drain,
    eof_client,
    finished,
    inspector,
    like,
    lost_server,
    no_record,
    own_reply,
    record,
    rule,
    starting_tls,
    tls_failed,
    tls_up,
    to_client,
    to_server,
    tunnelled,
)
from tests.playbook.playbook import Factory

BRIDGE = Terms(starttls="bridge")
OWN = Terms(starttls="bridge", offer="always")
EITHER = Terms(starttls="bridge", offer="missing")

READY = b"220 2.0.0 SMTP server ready\r\n"
OWN_READY = b"220 2.0.0 Ready to start TLS\r\n"
HELLO = b"EHLO a.example\r\n"
OFFER = b"250-mx.example\r\n250-STARTTLS\r\n250-XEXCH50\r\n250 OK\r\n"
NO_OFFER = b"250-mx.example\r\n250 XEXCH50\r\n"
MAIL = b"MAIL FROM:<a@a.example>\r\n"
OK = b"250 2.0.0 OK\r\n"
ANONYMOUS = b"X-ANONYMOUSTLS\r\n"
EXCHANGE_2010 = b"250-mx.example\r\n250-X-ANONYMOUSTLS\r\n250 XEXCH50\r\n"


def bridged(factory: Factory) -> Playbook:
    """EHLO and STARTTLS have passed, the server has agreed."""
    book = exchange(greeted(factory), HELLO, OFFER) >> C(b"STARTTLS\r\n") << to_server(b"STARTTLS\r\n")
    return book >> S(READY) << starting_tls(SERVER)


def in_tls(factory: Factory) -> Playbook:
    """Both handshakes are done."""
    book = bridged(factory) >> tls_up(SERVER) << to_client(READY) << starting_tls(CLIENT)
    return book >> tls_up(CLIENT) << record("starttls", outcome="bridge", upstream="tls")


def own_hello(factory: Factory, reply: bytes = NO_OFFER) -> Playbook:
    """EHLO has been answered, STARTTLS offered in the guard's name."""
    book = greeted(factory) >> C(HELLO) << to_server(HELLO) >> S(reply)
    return book << to_client(b"250-mx.example\r\n250-XEXCH50\r\n250 STARTTLS\r\n")


def own_tls(factory: Factory) -> Playbook:
    """The guard has answered STARTTLS itself, and TLS with the client is up."""
    book = own_hello(factory) >> C(b"STARTTLS\r\n") << to_client(OWN_READY) << starting_tls(CLIENT)
    return book >> tls_up(CLIENT) << record("starttls", outcome="bridge", upstream="clear")


# --- the bridge ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("book", [PASS, WATCH])
def test_the_servers_220_goes_out_when_tls_with_the_server_is_up(book: object) -> None:
    assert in_tls(inspector(book, terms=BRIDGE))  # type: ignore[arg-type]


def test_inside_tls_commands_and_replies_are_inspected_as_ever() -> None:
    box = rule("hide", "keyword", Strip(), keyword="XEXCH50")
    book = exchange(
        greeted(inspector(rule("see", "command", Reject(550, "5.7.1", "No"), verb="VRFY"), box, terms=BRIDGE)),
        HELLO.replace(b"EHLO", b"HELO"),
        b"250 mx.example\r\n",
    )
    book = book >> C(b"STARTTLS\r\n") << to_server(b"STARTTLS\r\n") >> S(READY) << starting_tls(SERVER)
    book = book >> tls_up(SERVER) << to_client(READY) << starting_tls(CLIENT) >> tls_up(CLIENT)
    assert (
        book
        >> C(HELLO)
        << to_server(HELLO)
        >> S(b"250-mx.example\r\n250-XEXCH50\r\n250 OK\r\n")
        << to_client(b"250-mx.example\r\n250 OK\r\n")
        << record("keyword-stripped", keyword="XEXCH50")
        >> C(b"VRFY x\r\n")
        << own_reply(b"550 5.7.1 No", rule="see")
    )


def test_rules_know_that_the_session_is_encrypted() -> None:
    clear = rule(
        "clear", "command", Reject(538, "5.7.11", "Encrypt first"), verb="AUTH", when=lambda facts: not facts.tls
    )
    book = in_tls(inspector(clear, terms=BRIDGE)) >> C(b"AUTH PLAIN AHVzZXIAcGFzcw==\r\n")
    assert book << to_server(b"AUTH PLAIN AHVzZXIAcGFzcw==\r\n") << no_record("command-rejected")


def test_what_was_said_before_tls_is_forgotten() -> None:
    """RFC 3207 4.2: the transaction that a stranger may have begun in clear is none behind TLS."""
    book = exchange(exchange(greeted(inspector(PASS, terms=BRIDGE)), HELLO, OFFER), MAIL, OK)
    book = book >> C(b"STARTTLS\r\n") << to_server(b"STARTTLS\r\n") >> S(READY) << starting_tls(SERVER)
    book = book >> tls_up(SERVER) << to_client(READY) << starting_tls(CLIENT) >> tls_up(CLIENT)
    book = exchange(book, b"RCPT TO:<b@b.example>\r\n", b"503 5.5.1 MAIL first\r\n")
    assert (
        exchange(book, b"DATA\r\n", b"354 go\r\n")
        >> C(b"x\r\n.\r\n")
        << to_server(b"x\r\n.\r\n")
        >> S(OK)
        << to_client(OK)
        << record("message", sender="", recipients=[])
    )


def test_a_server_that_refuses_is_heard_by_the_client() -> None:
    book = exchange(greeted(inspector(PASS, terms=BRIDGE)), HELLO, OFFER) >> C(b"STARTTLS\r\n")
    book = book << to_server(b"STARTTLS\r\n") >> S(b"454 4.7.0 Not now\r\n") << to_client(b"454 4.7.0 Not now\r\n")
    assert exchange(book << record("starttls", outcome="refused", code=454), MAIL, OK)


def test_a_bridge_does_not_offer_what_the_server_does_not() -> None:
    book = exchange(greeted(inspector(PASS, terms=BRIDGE)), HELLO, NO_OFFER)
    assert exchange(book, b"STARTTLS\r\n", b"502 5.5.1 What?\r\n")


def test_a_delayed_220_is_a_bridge_too() -> None:
    box = rule("late", "reply", Delay(2.0), verb="STARTTLS")
    book = exchange(greeted(inspector(box, terms=BRIDGE)), HELLO, OFFER)
    book = book >> C(b"STARTTLS\r\n") << to_server(b"STARTTLS\r\n") >> S(READY) >> advance(seconds=2.0)
    assert book << starting_tls(SERVER) >> tls_up(SERVER) << to_client(READY) << starting_tls(CLIENT)


# --- failures ------------------------------------------------------------------------------------------------------


def test_a_servers_failure_at_tls_is_a_454_and_the_end() -> None:
    book = bridged(inspector(PASS, terms=BRIDGE)) >> tls_failed(SERVER) << own_reply(b"454 4.7.0")
    assert book << record("starttls", outcome="failed", side="server") << closed()


def test_a_client_that_has_ended_gets_a_454_for_the_servers_220() -> None:
    """Its FIN has gone on to the server: there is no direction left in which to shake hands."""
    book = exchange(greeted(inspector(PASS, terms=BRIDGE)), HELLO, OFFER) >> C(b"STARTTLS\r\n")
    book = book << to_server(b"STARTTLS\r\n") >> eof_client() << finished(SERVER)
    book = book >> S(READY) << own_reply(b"454 4.7.0 ") << record("starttls", outcome="failed", side="server")
    assert book << closed()


def test_a_client_that_has_ended_gets_a_454_in_place_of_our_own_220() -> None:
    """It would have been waited for until the handshake's deadline: asyncio tells of a FIN once."""
    book = own_hello(inspector(PASS, terms=OWN)) >> C(b"RSET\r\nSTARTTLS\r\n") << to_server(b"RSET\r\n")
    book = book >> eof_client() << finished(SERVER) >> S(OK) << to_client(OK) << own_reply(b"454 4.7.0 ")
    assert book << record("starttls", outcome="failed", side="client") << closed()


def test_a_clients_failure_at_tls_ends_without_a_word() -> None:
    book = bridged(inspector(PASS, terms=BRIDGE)) >> tls_up(SERVER) << to_client(READY) << starting_tls(CLIENT)
    assert book >> tls_failed(CLIENT) << record("starttls", outcome="failed", side="client") << closed()


def test_a_server_lost_during_its_handshake_is_a_421() -> None:
    assert bridged(inspector(PASS, terms=BRIDGE)) >> lost_server() << own_reply(b"421 4.4.1") << closed()


def test_nothing_is_said_in_clear_behind_the_220() -> None:
    for step in (advance(seconds=400), lost_server()):
        book = bridged(inspector(PASS, terms=BRIDGE)) >> tls_up(SERVER) << to_client(READY) << starting_tls(CLIENT)
        assert book >> step << closed()


def test_a_drain_waits_for_the_handshakes() -> None:
    book = bridged(inspector(PASS, terms=BRIDGE)) >> drain() >> tls_up(SERVER) << to_client(READY)
    book = book << starting_tls(CLIENT) >> tls_up(CLIENT)
    assert book << own_reply(b"421 4.3.2") << closed()


# --- injection -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("book", [PASS, WATCH])
@pytest.mark.parametrize("behind", [MAIL, b"R", b"\r\n", b"\x16\x03\x01"])
@pytest.mark.parametrize("when", ["at once", "before the 220", "during the server's handshake"])
def test_a_client_that_speaks_behind_starttls_is_cut_off(book: object, behind: bytes, when: str) -> None:
    first = b"STARTTLS\r\n" + (behind if when == "at once" else b"")
    talk = exchange(greeted(inspector(book, terms=BRIDGE)), HELLO, OFFER)  # type: ignore[arg-type]
    talk = talk >> C(first) << to_server(b"STARTTLS\r\n")
    if when == "before the 220":
        talk = talk >> C(behind)
    talk = talk >> S(READY)
    if when == "during the server's handshake":
        talk = talk << starting_tls(SERVER) >> C(behind) >> tls_up(SERVER)
    assert (
        talk
        << own_reply(b"421 4.5.0")
        << record("violation", violation="starttls-injection", blame="client")
        << record("uncertain", then="close")
        << closed()
    )


@pytest.mark.parametrize("book", [PASS, WATCH])
@pytest.mark.parametrize("behind", [b"250 injected\r\n", b"2", b"\x16"])
def test_a_server_that_speaks_behind_its_220_is_cut_off(book: object, behind: bytes) -> None:
    talk = exchange(greeted(inspector(book, terms=BRIDGE)), HELLO, OFFER)  # type: ignore[arg-type]
    assert (
        talk
        >> C(b"STARTTLS\r\n")
        << to_server(b"STARTTLS\r\n")
        >> S(READY + behind)
        << own_reply(b"421 4.5.0")
        << starting_tls(SERVER)
        << record("violation", violation="starttls-reply-injection", blame="server")
        << record("uncertain", then="close")
        << closed()
    )


@pytest.mark.parametrize(("side", "name"), [(SERVER, "starttls-reply-injection"), (CLIENT, "starttls-injection")])
def test_clear_text_in_place_of_a_handshake_is_a_violation(side: object, name: str) -> None:
    book = bridged(inspector(PASS, terms=BRIDGE))
    if side is CLIENT:
        book = book >> tls_up(SERVER) << to_client(READY) << starting_tls(CLIENT)
    book = book >> tls_failed(side, in_clear=True)  # type: ignore[arg-type]
    book = book << to_client(like(rb"(421 4\.5\.0 [^\r\n]*\r\n)?"))
    assert book << record("violation", violation=name) << record("uncertain", then="close") << closed()


# --- in the guard's own name ---------------------------------------------------------------------------------------


def test_the_guard_offers_and_answers_where_the_server_is_reached_in_clear() -> None:
    assert own_tls(inspector(PASS, terms=OWN))


def test_after_it_only_ehlo_counts() -> None:
    book = own_tls(inspector(PASS, terms=OWN)) >> C(MAIL) << own_reply(b"503 5.5.1 EHLO first")
    book = exchange(book, b"NOOP\r\n", OK) >> C(HELLO) << to_server(HELLO)
    book = book >> S(OFFER) << to_client(b"250-mx.example\r\n250-XEXCH50\r\n250 OK\r\n")
    assert exchange(book, MAIL, OK) >> C(b"STARTTLS\r\n") << own_reply(b"503 5.5.1")


def test_a_chunk_before_that_ehlo_is_consumed_and_opens_no_way_round_it() -> None:
    book = own_tls(inspector(PASS, terms=OWN)) >> C(b"BDAT 12 LAST\r\nQUIT\r\nQUIT\r\nMAIL FROM:<a@a.example>\r\n")
    book = book << own_reply(b"503 5.5.1 EHLO first") << own_reply(b"503 5.5.1 EHLO first")
    book = exchange(book, HELLO, b"250 mx.example\r\n")
    assert exchange(book, MAIL, OK)


def test_more_commands_before_it_than_replies_may_be_owed_all_get_theirs() -> None:
    book = own_tls(inspector(PASS, terms=OWN)) >> C(b"RSET\r\n" * 300) << to_server(b"RSET\r\n" * MAX_PENDING)
    book = book >> S(OK * MAX_PENDING) << to_client(OK * MAX_PENDING)
    assert book << to_server(b"RSET\r\n" * (300 - MAX_PENDING)) >> S(OK) << to_client(OK)


def test_nor_does_a_malformed_line() -> None:
    book = own_tls(inspector(PASS, terms=OWN)) >> C(b"MAIL FROM:<a\0@a.example>\r\n") << own_reply(b"500 5.5.2")
    assert exchange(book << record("violation", violation="nul"), HELLO, b"250 mx.example\r\n")


def test_a_handshake_that_nobody_asked_for_changes_nothing() -> None:
    book = exchange(greeted(inspector(PASS, terms=BRIDGE)), HELLO, OFFER) >> tls_up(SERVER) >> tls_up(CLIENT)
    book = exchange(book >> tls_failed(CLIENT) >> tls_failed(SERVER), MAIL, OK)
    assert book >> C(b"RSET\r\n") << to_server(b"RSET\r\n")


def test_an_own_offer_stands_once_where_the_server_makes_one_too() -> None:
    book = greeted(inspector(PASS, terms=OWN)) >> C(HELLO) << to_server(HELLO) >> S(OFFER) << to_client(OFFER)
    assert book >> C(b"STARTTLS\r\n") << to_client(OWN_READY) << starting_tls(CLIENT)


def test_missing_means_the_servers_where_it_has_one() -> None:
    book = exchange(greeted(inspector(PASS, terms=EITHER)), HELLO, OFFER)
    assert book >> C(b"STARTTLS\r\n") << to_server(b"STARTTLS\r\n")
    assert own_tls(inspector(PASS, terms=EITHER))


def test_a_rule_that_strips_the_keyword_strips_the_guards_own_too() -> None:
    box = rule("no-tls", "keyword", Strip(), keyword="STARTTLS")
    book = greeted(inspector(box, terms=OWN)) >> C(HELLO) << to_server(HELLO) >> S(NO_OFFER)
    assert book << to_client(NO_OFFER) << record("keyword-stripped", rule="no-tls")


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        ([(MAIL, OK)], b"503 5.5.1"),
        ([(b"AUTH PLAIN AAAA\r\n", b"235 2.7.0 in\r\n")], b"503 5.5.1"),
        ([(b"AUTH PLAIN AAAA\r\n", b"535 5.7.8 no\r\n")], b"220 2.0.0"),
        ([(MAIL, OK), (b"RSET\r\n", OK)], b"220 2.0.0"),
    ],
)
def test_what_the_server_could_not_forget_may_not_come_before(said: list[tuple[bytes, bytes]], answers: bytes) -> None:
    book = own_hello(inspector(PASS, terms=OWN))
    for line, reply in said:
        book = exchange(book, line, reply)
    book = book >> C(b"STARTTLS\r\n") << own_reply(answers)
    assert book << starting_tls(CLIENT) if answers.startswith(b"220") else exchange(book, b"RSET\r\n", OK)


def test_an_answer_of_our_own_waits_its_turn() -> None:
    book = own_hello(inspector(PASS, terms=OWN)) >> C(b"NOOP\r\n") << to_server(b"NOOP\r\n")
    book = book >> C(b"STARTTLS\r\n") >> S(OK) << to_client(OK + OWN_READY) << starting_tls(CLIENT)
    assert book


@pytest.mark.parametrize("behind", [MAIL, b"R"])
def test_octets_behind_an_own_starttls_are_an_injection(behind: bytes) -> None:
    book = own_hello(inspector(PASS, terms=OWN)) >> C(b"NOOP\r\nSTARTTLS\r\n" + behind) << to_server(b"NOOP\r\n")
    book = book >> S(OK) << to_client(OK) << own_reply(b"421 4.5.0") << closed()
    assert book << record("violation", violation="starttls-injection")


@pytest.mark.parametrize("behind", [MAIL, b"R", b"\x16\x03\x01"])
def test_octets_that_come_with_an_own_starttls_are_an_injection(behind: bytes) -> None:
    book = own_hello(inspector(PASS, terms=OWN)) >> C(b"STARTTLS\r\n" + behind) << to_client(OWN_READY)
    book = book << starting_tls(CLIENT) << to_client(like(rb"(421 4\.5\.0 [^\r\n]*\r\n)?")) << closed()
    assert book << record("violation", violation="starttls-injection") << record("uncertain", then="close")


def test_starttls_takes_no_argument() -> None:
    book = own_hello(inspector(PASS, terms=OWN)) >> C(b"STARTTLS now\r\n") << own_reply(b"501 5.5.4")
    assert exchange(book, b"NOOP\r\n", OK)


def test_starttls_before_ehlo_is_out_of_turn() -> None:
    book = greeted(inspector(PASS, terms=OWN))
    assert exchange(book, b"STARTTLS\r\n", b"503 5.5.1 EHLO first\r\n")


# --- refuse, strip, tls from the first octet, the guard's verbs ------------------------------------------------------


def test_refuse_is_a_454() -> None:
    book = exchange(greeted(inspector(PASS, terms=Terms(starttls="refuse"))), HELLO, OFFER) >> C(b"STARTTLS\r\n")
    book = book << own_reply(b"454 4.7.0") << record("starttls", outcome="refused", code=454)
    assert exchange(book, MAIL, OK)


def test_strip_takes_the_keyword_and_the_verb_away() -> None:
    book = greeted(inspector(PASS, terms=Terms(starttls="strip"))) >> C(HELLO) << to_server(HELLO) >> S(OFFER)
    book = book << to_client(b"250-mx.example\r\n250-XEXCH50\r\n250 OK\r\n") << record("starttls", outcome="stripped")
    book = book >> C(b"STARTTLS\r\n") << own_reply(b"502 5.5.1") << record("starttls", outcome="refused", code=502)
    assert exchange(book, MAIL, OK)


def test_in_tls_from_the_first_octet_there_is_no_starttls() -> None:
    book = greeted(inspector(PASS, terms=Terms(starttls="bridge", tls=True))) >> C(HELLO) << to_server(HELLO)
    book = book >> S(OFFER) << to_client(b"250-mx.example\r\n250-XEXCH50\r\n250 OK\r\n")
    assert exchange(book >> C(b"STARTTLS\r\n") << own_reply(b"503 5.5.1"), MAIL, OK)


@pytest.mark.parametrize("line", [b"XCLIENT ADDR=192.0.2.1\r\n", b"\x0bxforward\x0cADDR=192.0.2.1\r\n"])
def test_verbs_that_are_the_guards_alone_are_hidden_and_refused(line: bytes) -> None:
    offer = b"250-mx.example\r\n250-XCLIENT NAME ADDR\r\n250-XFORWARD NAME ADDR\r\n250 OK\r\n"
    book = greeted(inspector(PASS, terms=Terms(shielded=True))) >> C(HELLO) << to_server(HELLO) >> S(offer)
    book = book << to_client(b"250-mx.example\r\n250 OK\r\n") >> C(line) << own_reply(b"502 5.5.1")
    assert exchange(book << record("unshared-verb"), MAIL, OK)
    assert exchange(greeted(inspector(PASS)), line, b"220 again\r\n")


def test_the_tls_between_exchange_servers_is_a_tunnel_where_starttls_is_one() -> None:
    client_hello = b"\x16\x03\x01\x00\x05hello\0\n"
    assert (
        exchange(greeted(inspector(rule("see", "command", Record(), verb="VRFY"))), HELLO, EXCHANGE_2010)
        >> C(ANONYMOUS)
        << to_server(ANONYMOUS)
        >> S(READY)
        << to_client(READY)
        << record("starttls", outcome="tunnel", code=220)
        >> C(client_hello)
        << to_server(client_hello)
        << tunnelled()
    )


@pytest.mark.parametrize(("mode", "shown"), [("bridge", False), ("strip", False), ("refuse", True)])
def test_the_tls_between_exchange_servers_is_no_way_past_the_inspection(mode: StartTlsMode, shown: bool) -> None:
    book = greeted(inspector(PASS, terms=Terms(starttls=mode))) >> C(HELLO) << to_server(HELLO)
    offer = EXCHANGE_2010 if shown else EXCHANGE_2010.replace(b"250-X-ANONYMOUSTLS\r\n", b"")
    assert (
        book
        >> S(EXCHANGE_2010)
        << to_client(offer)
        >> C(ANONYMOUS)
        << record("starttls", outcome="refused", code=502)
        << to_client(b"502 5.5.1 X-ANONYMOUSTLS is not implemented here\r\n")
    )
