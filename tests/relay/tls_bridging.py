"""What the tests of a bridge begin with: a guard that bridges, a client in clear, a client in TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from smtpguard.relay.guard import Guard
from smtpguard.relay.settings import RelaySettings
from tests.relay.hosts import Journal, client, guard, server
from tests.relay.tls_hosts import Tls, TlsServer, client_context


@asynccontextmanager
async def bridge(
    host: TlsServer, settings: RelaySettings, journal: Journal, policy: str = "pass", **more: object
) -> AsyncIterator[Guard]:
    """A guard before ``host``."""
    async with server(host) as upstream, guard(upstream, policy, journal, settings, **more) as box:  # type: ignore[arg-type]
        yield box


async def in_clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *lines: bytes) -> list[bytes]:
    """The greeting and the replies to ``lines``, one after the other."""
    found = []
    for line in (b"", *lines):
        writer.write(line)
        got = b""
        while not got or got.splitlines()[-1][3:4] == b"-":
            line = await reader.readline()
            got += line
            if not line:
                break
        found.append(got)
    return found


@asynccontextmanager
async def encrypted(box: Guard, name: str | None = None, context: ssl.SSLContext | None = None) -> AsyncIterator[Tls]:
    """A client that has said EHLO and STARTTLS and is in TLS."""
    async with client(box) as (reader, writer):
        *_, ready = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n")
        assert ready.startswith(b"220 "), ready
        yield await Tls(reader, writer, context or client_context(), server_side=False, name=name).handshake()


def body(octets: int) -> bytes:
    """A text of about that length, in lines."""
    line = bytes(range(32, 126)) * 5 + b"\r\n"
    return line * (octets // len(line))


async def read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    """What comes before the end, in order or by reset."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


# --- certificates are swapped ----------------------------------------------------------------------------------------
