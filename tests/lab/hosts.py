"""Hosts for the lab's tests: a receiver with a fixed date and seed, and a server that answers from a script."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone

from smtpguard.lab.capture.tap import Tap
from smtpguard.lab.dates import Calendar
from smtpguard.lab.events import EventLog
from smtpguard.lab.receiver.host import ReceiverHost
from smtpguard.lab.receiver.profile import load_profile
from smtpguard.lab.receiver.settings import ReceiverSettings

START = datetime(2007, 10, 25, 9, 0, 0, tzinfo=timezone(timedelta(hours=-7)))

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def receiving(
    profile: str = "exchange-2003", *, tap: Tap | None = None, **settings: object
) -> AsyncIterator[ReceiverHost]:
    """A receiver for example.net that listens; ``settings`` are fields of ReceiverSettings."""
    loop = asyncio.get_running_loop()
    given = {"host": "mx1.example.net", "domains": ("example.net",), "profile": profile, **settings}
    host = ReceiverHost(
        ReceiverSettings.model_validate(given),
        load_profile(profile),
        Calendar(START, loop.time),
        EventLog(loop.time),
        random.Random(7),
        tap,
    )
    await host.start()
    try:
        yield host
    finally:
        await host.stop()


async def converse(port: int, octets: bytes, pieces: int | None = None) -> bytes:
    """Send ``octets`` and FIN, in ``pieces`` of that size with a pause where given; everything that came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    step = pieces or max(1, len(octets))
    for begin in range(0, len(octets), step):
        writer.write(octets[begin : begin + step])
        await writer.drain()
        if pieces:
            await asyncio.sleep(0.001)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[int]:
    """The port of a server that handles each connection with ``serve``."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.sleep(1)  # simulated: returns when every connection has come to rest


def script(*replies: bytes) -> Serve:
    """Send the first reply as banner, then one reply a line that comes in; close behind the last."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(replies[0])
        for reply in replies[1:]:
            await reader.readuntil(b"\r\n")
            writer.write(reply)

    return serve
