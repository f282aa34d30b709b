"""What the server hears of the client: PROXY headers and XCLIENT out, and an opening that breaks off."""

from __future__ import annotations

import asyncio

import pytest

from smtpguard.relay.proxy_header import write_header
from tests.relay.hosts import Journal, client, guard, ordinary, run, server
from tests.relay.proxied import CLIENT, TARGET, settings


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_the_server_gets_a_header_that_names_the_client(version: str) -> None:
    async def test() -> None:
        heard = asyncio.get_running_loop().create_future()
        expected = write_header(version, CLIENT, TARGET)

        async def proxied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.set_result(await reader.readexactly(len(expected)))
            await ordinary(reader, writer)

        limits = settings("127.0.0.1/32", proxy_protocol={"send": version})
        async with (
            server(proxied) as upstream,
            guard(upstream, settings=limits) as box,
            client(box) as (reader, writer),
        ):
            writer.write(write_header("v1", CLIENT, TARGET))
            assert await reader.readline() == b"220 mx ESMTP\r\n"
            assert await heard == expected

    run(test())


class XclientServer:
    """A server that knows XCLIENT; ``heard`` is what was said to it."""

    def __init__(self, offer: bytes = b"250 XCLIENT NAME ADDR PORT\r\n", answer: bytes = b"220 mx again\r\n") -> None:
        self.heard: list[bytes] = []
        self._offer = offer
        self._answer = answer

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx first\r\n")
        while line := await reader.readline():
            self.heard.append(line)
            if line.startswith(b"EHLO"):
                writer.write(b"250-mx\r\n" + self._offer)
            elif line.startswith(b"XCLIENT"):
                writer.write(self._answer)
            elif line.startswith(b"QUIT"):
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")


def test_xclient_comes_before_the_client_says_a_word() -> None:
    async def test() -> None:
        host, journal = XclientServer(), Journal()
        limits = settings("127.0.0.1/32", xclient=True)
        async with server(host) as upstream, guard(upstream, "pass", journal, limits) as box:
            async with client(box) as (reader, writer):
                writer.write(write_header("v1", CLIENT, TARGET))
                assert await reader.readline() == b"220 mx again\r\n"
                writer.write(b"EHLO a.example\r\nXCLIENT ADDR=192.0.2.9\r\nQUIT\r\n")
                answers = await reader.read()
            await journal.until("session")
        assert answers.startswith(b"250 mx\r\n502 5.5.1 ")
        assert host.heard == [
            b"EHLO [127.0.0.1]\r\n",
            b"XCLIENT NAME=[UNAVAILABLE] ADDR=198.51.100.7 PORT=40210\r\n",
            b"EHLO a.example\r\n",
            b"QUIT\r\n",
        ]
        assert journal.named("xclient") == [{"session": "1", "outcome": "taken", "code": 220}]
        assert journal.named("unshared-verb")[0]["verb"] == "XCLIENT"

    run(test())


def test_without_an_offer_nothing_is_said() -> None:
    async def test() -> None:
        host, journal = XclientServer(b"250 DSN\r\n"), Journal()
        async with server(host) as upstream, guard(upstream, "pass", journal, settings(xclient=True)) as box:
            async with client(box) as (reader, writer):
                assert await reader.readline() == b"220 mx first\r\n"
                writer.write(b"QUIT\r\n")
                assert await reader.read() == b"221 bye\r\n"
        assert host.heard == [b"EHLO [127.0.0.1]\r\n", b"QUIT\r\n"]
        assert journal.named("xclient") == [{"session": "1", "outcome": "not-offered"}]

    run(test())


def test_a_server_that_breaks_off_the_opening_is_a_421() -> None:
    async def test() -> None:
        async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            await reader.readline()

        journal = Journal()
        async with server(rude) as upstream, guard(upstream, "pass", journal, settings(xclient=True)) as box:
            async with client(box) as (reader, _):
                assert (await reader.readline()).startswith(b"421 4.4.1 ")
        assert journal.named("upstream-failed")[0]["why"] == "the server closed the connection"

    run(test())


def test_a_client_that_leaves_during_the_opening_leaves_nothing_behind() -> None:
    async def test() -> None:
        gone = asyncio.Event()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            await reader.read()
            gone.set()

        journal = Journal()
        limits = settings(xclient=True, deadlines={"greeting": 0.3, "reply": 0.3, "command": 0.3})
        async with server(silent) as upstream, guard(upstream, "pass", journal, limits) as box:
            async with client(box) as (reader, writer):
                writer.write_eof()
                await reader.read()
            await gone.wait()
            await journal.until("session")
            assert box.sessions == 0

    run(test())
