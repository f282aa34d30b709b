"""A session that is over is freed at once: nothing of it waits for the collector, so its memory is still warm."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smtpguard.inspection.inspector import Inspector
from smtpguard.relay.connection import Connection
from smtpguard.relay.guard import Guard
from smtpguard.relay.session import RelaySession
from smtpguard.relay.tls_layer import TlsLayer
from tests.relay.hosts import Journal, client, guard, ordinary, run, server
from tests.relay.tls_bridging import encrypted
from tests.relay.tls_hosts import TlsServer, ask, bridging, server_context

_PARTS = (Inspector, RelaySession, Connection, TlsLayer)


@contextmanager
def left_to_the_collector() -> Iterator[list[str]]:
    """Filled at the end of the block: the parts of sessions that only the collector would have freed."""
    left: list[str] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield left
        gc.collect()
        left.extend(type(part).__name__ for part in gc.garbage if isinstance(part, _PARTS))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def _one_message(box: object, journal: Journal) -> None:
    async with client(box) as (reader, writer):  # type: ignore[arg-type]
        for line in (b"EHLO a.example\r\n", b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@d.example>\r\n", b"DATA\r\n"):
            writer.write(line)
        writer.write(b"Subject: x\r\n\r\ntext\r\n.\r\nQUIT\r\n")
        assert (await reader.read()).endswith(b"221 bye\r\n")
        writer.write_eof()
    await journal.until("session")


def test_a_session_leaves_nothing_to_the_collector() -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, journal=journal) as box:
            await _one_message(box, journal)
            await asyncio.sleep(0)
            with left_to_the_collector() as left:
                journal.clear()
                await _one_message(box, journal)
                assert box.sessions == 0
            assert left == []

    run(test())


def test_a_session_in_tls_leaves_nothing_to_it_either(tmp_path: Path) -> None:
    async def one_message(box: Guard, journal: Journal) -> None:
        async with encrypted(box) as tls:
            for line in (b"EHLO a.example\r\n", b"MAIL FROM:<a@b.example>\r\n", b"RCPT TO:<c@d.example>\r\n"):
                assert (await ask(tls, line)).startswith(b"250")
            assert await ask(tls, b"DATA\r\n") == b"354 go\r\n"
            assert await ask(tls, b"x\r\n.\r\n") == b"250 taken\r\n"
            assert await ask(tls, b"QUIT\r\n") == b"221 bye\r\n"
            await tls.notify()
            await tls.rest()
        await journal.until("session")

    async def test() -> None:
        journal = Journal()
        host = TlsServer(server_context(tmp_path))
        async with server(host) as upstream, guard(upstream, "pass", journal, bridging(tmp_path)) as box:
            await one_message(box, journal)
            await asyncio.sleep(0)
            with left_to_the_collector() as left:
                journal.clear()
                await one_message(box, journal)
                await asyncio.sleep(0)
                assert box.sessions == 0
            assert left == []

    run(test())
