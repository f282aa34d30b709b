"""Octets as they came, a deadline for the whole reply, a greatest size."""

from __future__ import annotations

import asyncio

from smtpguard.analyzer.connection import Limits, connect
from smtpguard.analyzer.steps import Step
from smtpguard.lab.clock import run_virtual
from tests.lab.hosts import Serve, serving


def first_reply(serve: Serve, limits: Limits | None = None, sent: bytes = b"") -> Step:
    """The step of the first exchange with a server."""

    async def whole() -> Step:
        async with serving(serve) as port:
            connection, step = await connect("127.0.0.1", port, limits or Limits())
            assert connection is not None
            assert step.failure == ""
            try:
                return await connection.exchange("EHLO", sent)
            finally:
                await connection.close()

    return run_virtual(whole)


def in_pieces(octets: bytes, size: int, pause: float = 0.01) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for begin in range(0, len(octets), size):
            writer.write(octets[begin : begin + size])
            await writer.drain()
            await asyncio.sleep(pause)
        await reader.read()

    return serve


def test_every_octet_is_kept_however_it_was_cut() -> None:
    octets = b"250-mx1  Hello\r\n240-FOO \r\n250-bare\n250 2.6.0  last \r\n"
    for size in (1, 3, 7, 1000):
        step = first_reply(in_pieces(octets, size))
        assert step.received == octets
        assert (step.code, step.failure) == (250, "")


def test_the_deadline_is_for_the_reply_and_not_for_each_octet() -> None:
    step = first_reply(in_pieces(b"220 " + b"x" * 500 + b"\r\n", 1, pause=1.0), Limits(step=30))
    assert step.failure == "silent"
    assert 28 <= len(step.received) <= 31
    assert 30 <= step.seconds < 31


def test_an_end_in_the_middle_of_a_reply_keeps_what_came() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"250-mx1\r\n250-SI")

    step = first_reply(serve)
    assert (step.failure, step.received, step.code) == ("closed", b"250-mx1\r\n250-SI", 0)
    assert step.outcome == "the server closed the connection before its reply was whole"


def test_what_lay_there_before_the_command_is_unasked() -> None:
    async def whole() -> tuple[Step, Step]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx1\r\n250 early\r\n")
            await reader.readuntil(b"\r\n")
            writer.write(b"250 due\r\n")
            await reader.read()

        async with serving(serve) as port:
            connection, _ = await connect("127.0.0.1", port, Limits())
            assert connection is not None
            banner = await connection.exchange("banner", b"")
            ehlo = await connection.exchange("EHLO", b"EHLO a\r\n")
            await connection.close()
            return banner, ehlo

    banner, ehlo = run_virtual(whole)
    assert (banner.received, banner.unasked) == (b"220 mx1\r\n", b"")
    assert (ehlo.received, ehlo.unasked) == (b"250 due\r\n", b"250 early\r\n")


def test_own_address_is_a_literal() -> None:
    async def whole() -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async with serving(serve) as port:
            connection, _ = await connect("127.0.0.1", port, Limits())
            assert connection is not None
            address = connection.own_address
            await connection.close()
            await connection.close()
            return address

    assert run_virtual(whole) == "[127.0.0.1]"


def test_a_name_that_is_none_does_not_raise() -> None:
    connection, step = asyncio.run(connect("a" * 64 + ".invalid", 25, Limits(step=5)))
    assert connection is None
    assert step.failure == "unresolved"
