"""How sessions end: FINs, lost connections, deadlines, drain, and what a stall allows."""

from __future__ import annotations

import gc

import pytest

from smtpguard.inspection.client_flow import ClientFlow
from smtpguard.inspection.inspector import Inspector
from smtpguard.policy.actions import Action, Cap, Close, Drop, Eat, Misread, Reset, Tunnel
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.openings import (
    BANNER,
    BLOB_LINE,
    GO_AHEAD,
    QUEUED,
    TEXT,
    blob_awaited,
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
    advance,
    closed,
    drain,
    eof_client,
    eof_server,
    finished,
    inspector,
    like,
    lost_client,
    lost_server,
    no_record,
    own_reply,
    reading,
    record,
    reset,
    rule,
    rulebook,
    to_client,
    to_server,
    tunnelled,
)
from tests.playbook.rulebooks import shipped
from tests.playbook.steps import Expected

OK = b"250 2.0.0 OK\r\n"
GONE = like(rb"421 4\.4\.1 [^\r\n]*\r\n")
LATE = like(rb"421 4\.4\.2 [^\r\n]*\r\n")
STOPPING = like(rb"421 4\.3\.2 [^\r\n]*\r\n")


def test_a_clients_fin_passes_and_the_reply_still_comes_back() -> None:
    assert (
        helloed(inspector(WATCH))
        >> C(b"QUIT\r\n")
        << to_server(b"QUIT\r\n")
        >> eof_client()
        << finished(SERVER)
        >> S(b"221 2.0.0 bye\r\n")
        << to_client(b"221 2.0.0 bye\r\n")
        >> eof_server()
        << closed()
    )


def test_a_clients_fin_inside_a_text_passes() -> None:
    book = in_text(inspector(WATCH))
    assert book >> C(b"half") << to_server(b"half") >> eof_client() << finished(SERVER) << no_record("message")


def test_a_tunnel_that_a_held_octet_makes_behind_a_fin_lets_that_octet_out_first() -> None:
    book = greeted(inspector("pass")) >> C(b"DATA\r\n\n") << to_server(b"DATA\r\n") >> eof_client()
    book = book >> S(b"250 no\r\n") << to_client(b"250 no\r\n") << record("violation", violation="bare-lf")
    assert book << record("uncertain", then="tunnel") << to_server(b"\n") << tunnelled() << finished(SERVER)


def test_a_clients_fin_behind_a_waiting_verb_waits_with_what_is_held() -> None:
    book = in_transaction(inspector(WATCH)) >> C(b"DATA\r\n" + TEXT) << to_server(b"DATA\r\n") >> eof_client()
    assert (
        book
        >> S(GO_AHEAD)
        << to_client(GO_AHEAD)
        << to_server(TEXT)
        << finished(SERVER)
        >> S(QUEUED)
        << to_client(QUEUED)
    )


def test_a_servers_fin_with_a_reply_owed_is_a_421() -> None:
    book = helloed(inspector(WATCH)) >> C(b"MAIL FROM:<a@a.example>\r\n") << to_server(b"MAIL FROM:<a@a.example>\r\n")
    assert book >> eof_server() << to_client(GONE) << closed()


def test_a_servers_fin_under_pass_is_a_fin_and_nothing_else() -> None:
    book = helloed(inspector("pass")) >> C(b"MAIL FROM:<a@a.example>\r\n") << to_server(b"MAIL FROM:<a@a.example>\r\n")
    assert book >> eof_server() << finished(CLIENT) >> eof_client() << finished(SERVER) << closed()


@pytest.mark.parametrize("policy", ["pass", "eat-blob"])
def test_a_lost_server_is_a_421(policy: str) -> None:
    assert Playbook(inspector(policy)) >> lost_server() << to_client(GONE) << closed()
    book = greeted(inspector(policy)) >> C(b"NOOP\r\n") << to_server(b"NOOP\r\n")
    assert book >> lost_server() << to_client(GONE) << closed()


def test_a_lost_server_behind_an_eaten_payload_is_silence() -> None:
    assert blob_awaited(inspector("eat-blob")) >> lost_server() << closed()


def test_a_lost_client_closes() -> None:
    assert helloed(inspector(WATCH)) >> lost_client() << closed()


def test_a_lost_server_inside_a_text_makes_up_no_success() -> None:
    book = in_text(inspector("pass"))
    book = book >> C(b"half") << to_server(b"half") >> lost_server() << to_client(like(rb"(421 [^\r\n]*\r\n)?"))
    assert book << no_record("message", accepted=True) << closed()


DEADLINES = [
    ("greeting", 300, lambda: Playbook(inspector(WATCH))),
    ("command", 300, lambda: helloed(inspector(WATCH))),
    ("reply", 300, lambda: helloed(inspector(WATCH)) >> C(b"NOOP\r\n") << to_server(b"NOOP\r\n")),
    ("354", 120, lambda: helloed(inspector(WATCH)) >> C(b"DATA\r\n") << to_server(b"DATA\r\n")),
    ("354 to a blob", 120, lambda: helloed(inspector(WATCH)) >> C(BLOB_LINE) << to_server(BLOB_LINE)),
    ("text", 180, lambda: exchange(helloed(inspector(WATCH)), b"DATA\r\n", GO_AHEAD)),
    ("blob", 180, lambda: blob_awaited(inspector(WATCH))),
    ("chunk", 180, lambda: helloed(inspector(WATCH)) >> C(b"BDAT 5\r\n") << to_server(b"BDAT 5\r\n")),
    (
        "end of a message",
        600,
        lambda: exchange(helloed(inspector(WATCH)), b"DATA\r\n", GO_AHEAD) >> C(TEXT) << to_server(TEXT),
    ),
    ("end of a chunk", 600, lambda: helloed(inspector(WATCH)) >> C(b"BDAT 1\r\nx") << to_server(b"BDAT 1\r\nx")),
]


@pytest.mark.parametrize(("seconds", "opening"), [row[1:] for row in DEADLINES], ids=[row[0] for row in DEADLINES])
def test_every_wait_has_the_deadline_of_its_source(seconds: int, opening: object) -> None:
    """RFC 5321 4.5.3.2."""
    book = opening()  # type: ignore[operator]
    book = book >> advance(seconds=seconds - 0.5) >> advance(seconds=1)
    assert book << to_client(LATE) << record("timeout", seconds=float(seconds)) << closed()


def test_each_block_of_a_text_has_its_own_deadline() -> None:
    book = exchange(helloed(inspector(WATCH)), b"DATA\r\n", GO_AHEAD)
    for _ in range(5):
        book = book >> C(b"x") << to_server(b"x") >> advance(seconds=170)
    assert book >> advance(seconds=20) << to_client(LATE) << record("timeout") << closed()


def test_a_stalled_session_ends_in_silence() -> None:
    book = blob_awaited(inspector("eat-blob")) >> advance(seconds=3599)
    assert book >> advance(seconds=2) << record("timeout", seconds=3600.0) << closed()


def test_a_stalled_session_is_read_on() -> None:
    book = blob_awaited(inspector("eat-blob")) >> C(b"x" * 300_000) << reading(CLIENT)
    assert book >> S(OK * 9) << reading(SERVER) >> eof_server() << closed()


def test_an_eaten_reply_stays_missing_when_the_server_closes() -> None:
    book = helloed(inspector(rule("r", "reply", Eat(), verb="QUIT"))) >> C(b"QUIT\r\n") << to_server(b"QUIT\r\n")
    assert book >> S(b"221 2.0.0 bye\r\n") << record("reply-eaten") >> eof_server() << closed()


def test_a_drain_ends_an_idle_session_at_once() -> None:
    assert helloed(inspector(WATCH)) >> drain() << to_client(STOPPING) << closed()


def test_a_drain_waits_for_the_reply_that_is_owed() -> None:
    book = helloed(inspector(WATCH)) >> C(b"NOOP\r\n") << to_server(b"NOOP\r\n") >> drain()
    assert book >> S(OK) << to_client(OK) << to_client(STOPPING) << closed()


def test_a_drain_lets_a_message_end() -> None:
    book = in_text(inspector(WATCH)) >> drain()
    book = book >> C(TEXT) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED) << record("message", accepted=True)
    assert book << to_client(STOPPING) << closed()


def test_a_drain_before_the_greeting_waits_for_it() -> None:
    book = Playbook(inspector(WATCH)) >> drain()
    assert book >> S(BANNER) << to_client(BANNER) << to_client(STOPPING) << closed()


def before_tls() -> Playbook:
    """The 220 to STARTTLS is out, TLS has not begun."""
    return exchange(helloed(inspector(WATCH)), b"STARTTLS\r\n", b"220 2.0.0 SMTP server ready\r\n")


def test_nothing_is_said_in_clear_between_the_220_to_starttls_and_tls() -> None:
    assert before_tls() >> lost_server() << closed()
    assert before_tls() >> advance(seconds=300) << record("timeout") << closed()
    assert before_tls() >> drain() >> C(b"\x16\x03\x01") << to_server(b"\x16\x03\x01") << tunnelled()


def test_nothing_is_said_behind_our_fin() -> None:
    book = greeted(inspector("pass")) >> C(b"NOOP\r\n") << to_server(b"NOOP\r\n")
    assert book >> eof_server() << finished(CLIENT) >> advance(seconds=300) << record("timeout") << closed()


def test_what_still_flows_behind_the_servers_fin_keeps_the_session_alive() -> None:
    book = in_text(inspector("pass")) >> eof_server() << finished(CLIENT)
    book = book >> advance(seconds=170) >> C(b"text\r\n") << to_server(b"text\r\n")
    assert book >> advance(seconds=179) << no_record("timeout") >> advance(seconds=1) << record("timeout") << closed()


@pytest.mark.parametrize("last", [b"a\n.\nb\r\n.\r\n", b"half a text"])
def test_a_session_that_ended_in_a_text_is_freed_at_once(last: bytes) -> None:
    opening = [
        BANNER,
        b"EHLO a\r\n",
        b"250 mx\r\n",
        b"MAIL FROM:<a@b.example>\r\n",
        OK,
        b"RCPT TO:<c@d.example>\r\n",
        OK,
    ]
    _assert_freed(shipped("harden"), [*opening, b"DATA\r\n", GO_AHEAD, last])


def test_a_session_that_ended_in_a_misread_payload_is_freed_at_once() -> None:
    book = rulebook(rule("blind", "payload", Misread("lines"), verb="BDAT"))
    _assert_freed(book, [BANNER, b"EHLO a\r\n", b"250 mx\r\n", b"BDAT 9 LAST\r\nabc"])


def _assert_freed(book: Rulebook, said: list[bytes]) -> None:
    """``said`` in turns, the server's first; then all is over, and the collector is not asked."""
    gc.collect()
    gc.disable()
    try:
        before = _flows()
        session = Inspector(book)
        for number, data in enumerate(said):
            session.receive(CLIENT if number % 2 else SERVER, data, 0.0)
        session.lost(CLIENT)
        assert session.closed
        session.part()
        del session
        assert _flows() == before
    finally:
        gc.enable()


def _flows() -> int:
    return sum(isinstance(one, ClientFlow) for one in gc.get_objects())


def test_no_fin_goes_out_behind_the_close_that_held_octets_bring() -> None:
    book = greeted(inspector(rule("cap", "payload", Cap(2), verb="DATA")))
    book = book >> C(b"DATA\r\nPAYLOAD") << to_server(b"DATA\r\n") >> eof_client()
    assert book >> S(GO_AHEAD) << to_client(GO_AHEAD) << own_reply(b"552 ", rule="cap") << to_server(b"PA") << closed()


MISPRINTED = b"420-mx.example\r\n421 4.4.2 Timeout\r\n"


@pytest.mark.parametrize(
    ("action", "seen"),
    [
        (Reset(), (reset(),)),
        (Close(code=421, text="Go away"), (own_reply(b"421 Go away", rule="end"), closed())),
        (Drop(), (record("stall"),)),
        (Tunnel(), (to_client(MISPRINTED), tunnelled())),
    ],
)
@pytest.mark.parametrize("said", [b"", b"NOOP\r\n"])
def test_a_misprinted_reply_that_has_ended_the_session_is_no_reply_any_more(
    action: Action, seen: tuple[Expected, ...], said: bytes
) -> None:
    book = greeted(inspector(rule("end", "violation", action, violation="reply-misprint")))
    if said:
        book = book >> C(said) << to_server(said)
    book = book >> S(MISPRINTED) << record("violation", violation="reply-misprint")
    for what in seen:
        book = book << what
    assert book << no_record("uncertain")
