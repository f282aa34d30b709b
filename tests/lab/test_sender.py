"""One delivery attempt: which steps it reaches, and what it puts on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.events import EventLog
from smtpguard.lab.mx import Exchanger, MxTable
from smtpguard.lab.sender import Attempt, Envelope, Sender
from smtpguard.lab.wire import DROPPED, GARBLED, UNREACHABLE, UNRESOLVED
from tests.lab.hosts import Serve, receiving, script, serving

CONTENT = b"Message-ID: <1@x>\r\n\r\n.dot\r\n"
ENVELOPE = Envelope("alice@example.com", ("bob@example.net",), CONTENT, b"\r\n.\r\nblob")
MX = MxTable(domains={"example.net": (Exchanger(preference=10, host="mx1.example.net"),)})

BANNER = b"220 mx1.example.net\r\n"
BARE = b"250 mx1.example.net\r\n"
OFFERS = b"250-mx1.example.net\r\n250-XEXCH50\r\n250 CHUNKING\r\n"
OK = b"250 OK\r\n"


async def attempt_at(port: int | None, envelope: Envelope = ENVELOPE, mx: MxTable = MX) -> tuple[Attempt, EventLog]:
    events = EventLog(asyncio.get_running_loop().time)

    def directory(host: str) -> tuple[str, int] | None:
        return None if port is None or host != "mx1.example.net" else ("127.0.0.1", port)

    return await Sender("mail1.example.com", mx, directory, events, 600.0).attempt(envelope), events


def attempt(serve: Serve, envelope: Envelope = ENVELOPE) -> Attempt:
    async def main() -> Attempt:
        async with serving(serve) as port:
            made, _ = await attempt_at(port, envelope)
            return made

    return run_virtual(main)


def states(made: Attempt) -> str:
    """The fifteen steps as letters: o(k), F(ailed), - not reached."""
    return "".join({"ok": "o", "failed": "F", "not reached": "-"}[row.state] for row in made.steps)


def sent(made: Attempt) -> list[str]:
    return [said.text for said in made.lines if said.direction == "-->"]


def virtually(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    run_virtual(main)


def test_straight_to_a_receiver() -> None:
    async def main() -> None:
        async with receiving() as host:
            made, _ = await attempt_at(host.port)
            assert (made.delivered, made.reason, states(made)) == (True, "", "o" * 15)
            assert host.mailbox.messages[0].content == CONTENT
            assert host.mailbox.messages[0].blob == ENVELOPE.blob
            assert sent(made) == [
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

    virtually(main)


def test_a_stranger_delivers_all_the_same() -> None:
    async def main() -> None:
        async with receiving(authenticate_first=True) as host:
            made, events = await attempt_at(host.port)
            assert made.delivered
            assert states(made) == "ooooooooooF-ooo"
            assert host.mailbox.messages[0].content == CONTENT
            refusals = [event.fields for event in events.ordered() if event.event == "xexch50-refused"]
            assert refusals == [{"command": "XEXCH50 9 2", "reply": "504 Need to authenticate first"}]

    virtually(main)


def test_without_keywords_the_message_goes_by_data_with_dots_doubled() -> None:
    seen = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        for reply in (BARE, OK, OK, b"354 go\r\n"):
            await reader.readuntil(b"\r\n")
            writer.write(reply)
        seen.extend(await reader.readuntil(b"\r\n.\r\n"))
        writer.write(OK)
        await reader.readuntil(b"\r\n")
        writer.write(b"221 bye\r\n")

    made = attempt(serve)
    assert made.delivered
    assert states(made) == "ooooooooo---ooo"
    assert bytes(seen) == b"Message-ID: <1@x>\r\n\r\n..dot\r\n.\r\n"


def test_the_second_figure_counts_recipients() -> None:
    two = Envelope("a@example.com", ("b@example.net", "c@example.net"), CONTENT, b"x" * 2336)
    made = attempt(script(BANNER, OFFERS, OK, OK, OK), two)
    assert sent(made)[-1] == "XEXCH50 2336 3"


def test_ehlo_refused_falls_back_to_helo() -> None:
    made = attempt(script(BANNER, b"500 what\r\n", BARE, OK, OK, b"354 go\r\n"))
    assert sent(made)[:2] == ["EHLO mail1.example.com", "HELO mail1.example.com"]
    assert "DATA" in sent(made)


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
    made = attempt(script(*replies))
    assert not made.delivered
    assert states(made) == expected


def test_a_5xx_is_for_good_and_a_4xx_is_not() -> None:
    assert attempt(script(BANNER, OFFERS, OK, b"550 5.1.1 no such user\r\n")).permanent
    assert not attempt(script(BANNER, OFFERS, OK, b"452 4.2.2 full\r\n")).permanent
    assert attempt(script(BANNER, OFFERS, b"550-two\r\n550 5.7.1 lines\r\n")).reason == "550 5.7.1 lines"


def test_silence_ends_after_ten_minutes() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        await reader.read(-1)

    async def main() -> None:
        async with serving(serve) as port:
            made, _ = await attempt_at(port)
            assert asyncio.get_running_loop().time() == 600.0
            assert made.reason == "The remote host did not answer within 600 seconds."
            assert made.lines[-1].text == "nothing for 600 seconds; the sender closes the connection"
            assert states(made) == "ooooF----------"

    virtually(main)


def test_each_octet_that_arrives_starts_the_ten_minutes_anew() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for octet in b"220 x\r\n":
            await asyncio.sleep(599)
            writer.write(bytes([octet]))
        await reader.read(-1)

    async def main() -> None:
        async with serving(serve) as port:
            await attempt_at(port)
            assert asyncio.get_running_loop().time() == 7 * 599 + 600

    virtually(main)


def test_a_message_acknowledged_is_delivered_whatever_becomes_of_quit() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BANNER)
        for reply in (b"250-mx\r\n250 CHUNKING\r\n", OK, OK):
            await reader.readuntil(b"\r\n")
            writer.write(reply)
        await reader.readuntil(b".dot\r\n")
        writer.write(OK)

    made = attempt(serve)
    assert (made.delivered, made.reason) == (True, "")
    assert states(made) == "ooooooooo---oF-"


def test_why_it_ended() -> None:
    assert attempt(script(b"")).reason == DROPPED
    assert attempt(script(b"hello\r\n")).reason == GARBLED

    async def main() -> None:
        nowhere, events = await attempt_at(None)
        assert (nowhere.reason, states(nowhere)) == (UNREACHABLE, "oF-------------")
        assert [event.event for event in events.ordered()] == ["mx-found", "exchanger-unreachable"]
        unknown, _ = await attempt_at(None, mx=MxTable(domains={}))
        assert (unknown.reason, states(unknown)) == (UNRESOLVED, "F--------------")

    virtually(main)


def test_the_next_exchanger_is_tried() -> None:
    rows = (Exchanger(preference=5, host="mx0.example.net"), *MX.domains["example.net"])

    async def main() -> None:
        async with receiving() as host:
            made, events = await attempt_at(host.port, mx=MxTable(domains={"example.net": rows}))
            assert made.delivered
            unreachable = [event.fields for event in events.ordered() if event.event == "exchanger-unreachable"]
            assert unreachable == [{"exchanger": "mx0.example.net", "reason": UNREACHABLE}]

    virtually(main)


def test_nothing_is_left_behind() -> None:
    async def main() -> None:
        async with serving(script(BANNER, OFFERS, OK, OK)) as port:
            await attempt_at(port)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    virtually(main)
