"""EHLO, HELO, and TLS: never, where offered, or not at all without it."""

from __future__ import annotations

import asyncio

import pytest

from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.sender.hello import NO_TLS, TLS_REFUSED
from smtpguard.lab.sender.wire import GARBLED, NO_HANDSHAKE
from tests.lab.hosts import receiving
from tests.lab.sending import BANNER, BARE, CONTENT, Heard, Replying, Sent, send, send_to, spoken, states, virtually

OFFERS_TLS = b"250-mx\r\n250-STARTTLS\r\n250 CHUNKING\r\n"


def test_a_connector_set_to_helo_gets_no_keywords() -> None:
    peer = Replying()
    made = send_to(peer, hello="HELO")
    assert peer.conversations == [["HELO", "MAIL", "RCPT", "DATA", "QUIT"]]
    assert states(made.attempt) == "ooooooooo---ooo"


def test_ehlo_refused_falls_back_to_helo() -> None:
    peer = Replying(EHLO=b"500 what\r\n", HELO=BARE)
    assert send_to(peer).attempt.delivered
    assert peer.conversations == [["EHLO", "HELO", "MAIL", "RCPT", "DATA", "QUIT"]]


def test_a_server_that_refuses_helo_too() -> None:
    made = send_to(Replying(EHLO=b"500 what\r\n", HELO=b"550 5.7.1 go away\r\n"))
    assert (made.attempt.permanent, made.attempt.status) == (True, "5.7.1")
    assert states(made.attempt) == "ooooF----------"


def to_receiver(profile: str, **changes: object) -> tuple[Sent, bool]:
    """What came of it, and whether the message lies in the receiver's mailbox."""
    made: list[tuple[Sent, bool]] = []

    async def main() -> None:
        async with receiving(profile) as host:
            sent = await send({"mx1.example.net": host.port}, **changes)
            made.append((sent, [message.content for message in host.mailbox.messages] == [CONTENT]))

    virtually(main())
    return made[0]


@pytest.mark.parametrize("starttls", ["offered", "required"])
def test_with_a_certificate_the_message_goes_under_tls(starttls: str) -> None:
    made, arrived = to_receiver("sbs-2003", starttls=starttls)
    assert arrived
    assert made.attempt.tls
    record = made.of("tls")[0]
    assert (record["version"], record["certificate"]) == ("TLSv1.3", "not verified")
    assert spoken(made.attempt)[:3] == ["EHLO mail1.example.com", "STARTTLS", "EHLO mail1.example.com"]
    assert states(made.attempt) == "o" * 15
    assert made.of("delivered")[0]["tls"] is True


def test_a_tap_hears_nothing_behind_the_220_to_starttls() -> None:
    tap = Heard()
    _, arrived = to_receiver("sbs-2003", starttls="required", tap=tap)
    assert arrived
    octets, ending = tap.calls[-2:]
    assert tap.calls[-3] == (b"STARTTLS\r\n", True)
    assert str(octets[0]).startswith("b'220 2.0.0")
    assert ending == ("closed", 1, True)


def test_never_means_never() -> None:
    made, arrived = to_receiver("sbs-2003")
    assert arrived
    assert not made.attempt.tls
    assert "STARTTLS" not in spoken(made.attempt)


def test_offered_goes_on_in_clear_where_it_is_missing_and_says_so() -> None:
    made, arrived = to_receiver("exchange-2003", starttls="offered")
    assert arrived
    assert made.of("starttls-not-offered")[0]["then"] == "in clear"
    assert made.of("delivered")[0]["tls"] is False


def test_required_waits_and_expires_where_it_is_missing() -> None:
    peer = Replying(BARE)
    made = send_to(peer, starttls="required", schedule=Schedule())
    fate = made.fates[0]
    assert (fate.outcome, made.seconds, len(fate.attempts)) == ("ndr", 172_800.0, 18)
    assert fate.ndr is not None
    assert fate.ndr.status == "4.4.7"
    assert made.attempt.reason == NO_TLS
    assert made.of("starttls-not-offered")[0]["then"] == "given up"
    assert {verb for verbs in peer.conversations for verb in verbs} == {"EHLO"}


def test_starttls_refused() -> None:
    peer = Replying(OFFERS_TLS, STARTTLS=b"454 4.7.0 not now\r\n")
    made = send_to(peer, starttls="offered")
    assert made.attempt.delivered
    assert made.of("starttls-refused")[0]["reply"] == "454 4.7.0 not now"
    refused = send_to(Replying(OFFERS_TLS, STARTTLS=b"502 no\r\n"), starttls="required").attempt
    assert (refused.delivered, refused.permanent, refused.reason) == (False, False, TLS_REFUSED)


def test_a_handshake_that_fails_ends_the_attempt() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        for reply in (OFFERS_TLS, b"220 go\r\n"):
            await reader.readuntil(b"\r\n")
            writer.write(reply)
        await reader.read(1)
        writer.write(b"this is no TLS\r\n")

    made = send_to(serve, starttls="offered")
    assert made.attempt.reason == NO_HANDSHAKE
    assert made.of("tls-failed")[0]["reason"] == NO_HANDSHAKE
    assert not made.attempt.permanent


def test_a_silent_handshake_ends_after_the_time_out() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        for reply in (OFFERS_TLS, b"220 go\r\n"):
            await reader.readuntil(b"\r\n")
            writer.write(reply)
        await reader.read(-1)

    made = send_to(serve, starttls="offered")
    assert (made.attempt.reason, made.seconds) == (NO_HANDSHAKE, 600.0)


def test_octets_in_clear_behind_the_220_are_not_believed() -> None:
    made = send_to(Replying(OFFERS_TLS, STARTTLS=b"220 go\r\n250-mx\r\n250 XEXCH50\r\n"), starttls="offered")
    assert made.attempt.reason == GARBLED
    assert not made.attempt.delivered
