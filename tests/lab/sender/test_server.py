"""A connection of the sending host: which steps it reaches, how many messages it carries, how it ends."""

from __future__ import annotations

import asyncio

import pytest

from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.sender.wire import DROPPED, GARBLED
from tests.lab.hosts import receiving, script
from tests.lab.sending import (
    BANNER,
    BARE,
    CONTENT,
    GO,
    OFFERS,
    OK,
    Replying,
    send,
    send_to,
    spoken,
    states,
    virtually,
)


def test_straight_to_a_receiver() -> None:
    async def main() -> None:
        async with receiving() as host:
            made = await send({"mx1.example.net": host.port}, pipelining=False)
            assert (made.attempt.delivered, made.attempt.reason, states(made.attempt)) == (True, "", "o" * 15)
            assert (made.attempt.connection, made.attempt.exchanger) == (1, "mx1.example.net")
            assert host.mailbox.messages[0].content == CONTENT
            assert len(host.mailbox.messages[0].blob or b"") == 9
            assert spoken(made.attempt) == [
                "EHLO mail1.example.com",
                "MAIL FROM:<alice@example.com>",
                "RCPT TO:<bob@example.net>",
                "XEXCH50 9 2",
                "[9 octets of binary]",
                "BDAT 27 LAST",
                "Message-ID: <1@x>",
                "",
                ".dot",
                "",
                "[... 27 octets of message in all]",
                "QUIT",
            ]

    virtually(main())


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ([b"554 no\r\n"], "ooF------------"),
        ([BANNER], "ooooF----------"),
        ([BANNER, OFFERS, b"451 later\r\n"], "ooooooF--------"),
        ([BANNER, OFFERS, OK, b"550 5.1.1 no such user\r\n"], "ooooooooF------"),
        ([BANNER, OFFERS, OK, OK], "ooooooooooF----"),
        ([BANNER, OFFERS, OK, OK, b"354 go\r\n"], "ooooooooooooF--"),
        ([BANNER, BARE, OK, OK], "ooooooooo---F--"),
        ([BANNER, BARE, OK, OK, b"554 no\r\n"], "ooooooooo---F--"),
    ],
)
def test_where_it_fails(replies: list[bytes], expected: str) -> None:
    made = send_to(script(*replies))
    assert not made.attempt.delivered
    assert states(made.attempt) == expected


def test_a_5xx_is_for_good_and_a_4xx_is_not() -> None:
    refused = send_to(script(BANNER, OFFERS, OK, b"550 5.1.1 no such user\r\n")).attempt
    assert (refused.permanent, refused.status) == (True, "5.1.1")
    assert not send_to(script(BANNER, OFFERS, OK, b"452 4.2.2 full\r\n")).attempt.permanent
    assert send_to(script(BANNER, OFFERS, b"550-two\r\n550 5.7.1 lines\r\n")).attempt.reason == "550 5.7.1 lines"
    assert send_to(script(b"554 5.3.2 closed\r\n")).fates[0].ndr.status == "5.3.2"  # type: ignore[union-attr]


def test_silence_ends_after_ten_minutes() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        await reader.read(-1)

    made = send_to(serve)
    assert made.seconds == 600.0
    assert made.attempt.reason == "The remote host did not answer within 600 seconds."
    assert made.attempt.lines[-1].text == "nothing for 600 seconds; the sender closes the connection"
    assert states(made.attempt) == "ooooF----------"
    assert made.of("connection-timed-out")[0]["remote"] == "mx1.example.net"


def test_a_dropped_connection_is_recorded_with_host_domain_and_reason() -> None:
    made = send_to(script(BANNER, OFFERS, OK, OK))
    assert made.of("connection-dropped") == [
        {"reason": DROPPED, "remote": "mx1.example.net", "domain": "example.net", "connection": 1}
    ]
    assert made.attempt.reason == DROPPED
    assert made.attempt.lines[-1].text == "the connection was closed from the other side"


def test_what_is_no_smtp() -> None:
    assert send_to(script(b"")).attempt.reason == DROPPED
    assert send_to(script(b"hello\r\n")).attempt.reason == GARBLED


def test_a_421_ends_the_connection_with_its_text() -> None:
    peer = Replying(MAIL=b"421 4.3.2 shutting down\r\n")
    made = send_to(peer, messages=[CONTENT, CONTENT])
    assert made.attempt.reason == "421 4.3.2 shutting down"
    assert not made.attempt.permanent
    assert peer.conversations == [["EHLO", "MAIL"]]


def test_a_message_acknowledged_is_delivered_whatever_becomes_of_quit() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        for reply in (b"250-mx\r\n250 CHUNKING\r\n", OK, OK):
            await reader.readuntil(b"\r\n")
            writer.write(reply)
        await reader.readuntil(b".dot\r\n")
        writer.write(OK)

    made = send_to(serve)
    assert (made.attempt.delivered, made.attempt.reason) == (True, "")
    assert states(made.attempt) == "ooooooooo---oF-"
    assert made.of("connection-dropped") == []


def test_several_messages_share_a_connection_without_rset() -> None:
    peer = Replying()
    made = send_to(peer, messages=[b"Subject: %d\r\n\r\n" % number for number in range(3)])
    assert peer.conversations == [["EHLO", *["MAIL", "RCPT", "XEXCH50", "BDAT"] * 3, "QUIT"]]
    assert peer.messages == [b"Subject: 0\r\n\r\n", b"Subject: 1\r\n\r\n", b"Subject: 2\r\n\r\n"]
    attempts = [fate.attempts[0].attempt for fate in made.fates]
    assert [states(attempt) for attempt in attempts] == ["o" * 13 + "--", "o" * 13 + "--", "o" * 15]
    assert [spoken(attempt)[0] for attempt in attempts] == [
        "EHLO mail1.example.com",
        *["MAIL FROM:<alice@example.com>"] * 2,
    ]
    assert {attempt.connection for attempt in attempts} == {1}


def test_a_new_connection_after_twenty_messages() -> None:
    peer = Replying(b"250-mx\r\n250 CHUNKING\r\n")
    made = send_to(peer, messages=[CONTENT] * 45)
    assert [verbs.count("BDAT") for verbs in peer.conversations] == [20, 20, 5]
    assert all(verbs[-1] == "QUIT" for verbs in peer.conversations)
    assert (made.seconds, {fate.outcome for fate in made.fates}) == (0.0, {"delivered"})
    peer = Replying(BARE)
    send_to(peer, messages=[CONTENT] * 3, schedule=Schedule(messages_per_connection=1))
    assert len(peer.conversations) == 3


def test_a_refused_message_is_reset_and_the_next_one_goes() -> None:
    peer = Replying(BARE, MAIL=[b"550 5.7.1 not you\r\n", OK])
    made = send_to(peer, messages=[CONTENT, CONTENT])
    assert peer.conversations == [["EHLO", "MAIL", "RSET", "MAIL", "RCPT", "DATA", "QUIT"]]
    assert [fate.outcome for fate in made.fates] == ["ndr", "delivered"]


def test_a_server_that_refuses_rset_ends_it() -> None:
    peer = Replying(BARE, MAIL=b"450 later\r\n", RSET=b"502 no\r\n")
    made = send_to(peer, messages=[CONTENT, CONTENT])
    assert peer.conversations == [["EHLO", "MAIL", "RSET"]]
    assert made.fates[1].attempts[0].attempt.reason == "502 no"


def test_a_quit_that_is_refused_changes_nothing() -> None:
    made = send_to(Replying(BARE, DATA=GO, QUIT=b"500 what\r\n"))
    assert made.attempt.delivered
    assert states(made.attempt) == "ooooooooo---oF-"
