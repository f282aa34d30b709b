"""Small peers for the relay's tests: a scripted server, a client that reads to a mark, a guard between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import uvloop

from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.guard import Guard
from smtpguard.relay.settings import RelaySettings

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SECONDS = 20.0
"""A test that waits longer has failed."""


class Journal(list[tuple[str, dict[str, object]]]):
    """The records of a guard."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def __call__(self, event: str, fields: dict[str, object]) -> None:
        self.append((event, fields))
        self._news.set()

    async def until(self, event: str, count: int = 1) -> None:
        """Wait for so many records of this name."""
        while len(self.named(event)) < count:
            self._news.clear()
            await self._news.wait()

    def named(self, event: str) -> list[dict[str, object]]:
        """The fields of every record of this name."""
        return [fields for name, fields in self if name == event]


LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}
_loop: list[str] = ["asyncio"]


@contextmanager
def on(loop: str) -> Iterator[None]:
    """``run`` uses the loop of this name meanwhile."""
    _loop.append(loop)
    try:
        yield
    finally:
        _loop.pop()


def run(test: Awaitable[Any]) -> None:
    """Run one test, bounded in time, on the loop that ``on`` named. What the guard calls a crashed session fails it."""
    crashes: list[dict[str, Any]] = []

    def keep(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not isinstance(context.get("exception"), OSError):
            crashes.append(context)

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(keep)
        async with asyncio.timeout(SECONDS):
            await test

    with asyncio.Runner(loop_factory=LOOPS[_loop[-1]]) as runner:
        runner.run(bounded())
    assert not crashes, crashes


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[tuple[str, int]]:
    """An upstream on a free port that runs ``talk`` with each client."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the test is over, or the guard closed: both are ends that a test asks for
        finally:
            tasks.discard(task)
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[:2]
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


@asynccontextmanager
async def guard(
    upstream: tuple[str, int],
    policy: str | Rulebook = "pass",
    journal: Journal | None = None,
    settings: RelaySettings | None = None,
    host: str = "127.0.0.1",
    shadow: Rulebook | None = None,
    transcripts: bool = False,
    tls_listen: tuple[str, int] | None = None,
) -> AsyncIterator[Guard]:
    """A guard before ``upstream``; stopped at once at the end."""
    rulebook = load_policy(policy) if isinstance(policy, str) else policy
    box = Guard(
        rulebook,
        listen=(host, 0),
        upstream=upstream,
        journal=journal if journal is not None else Journal(),
        settings=settings or RelaySettings(linger=1.0),
        shadow=shadow,
        transcripts=transcripts,
        tls_listen=tls_listen,
    )
    await box.start()
    try:
        yield box
    finally:
        await box.stop(grace=0.0)


@asynccontextmanager
async def client(
    box: Guard, host: str = "127.0.0.1"
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to the guard."""
    reader, writer = await asyncio.open_connection(host, box.port)
    try:
        yield reader, writer
    finally:
        # Not close(): what the other end never read would keep it open.
        writer.transport.abort()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def ordinary(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """An ordinary SMTP server that takes every message."""
    writer.write(b"220 mx ESMTP\r\n")
    while line := await reader.readline():
        verb = line[:4].upper()
        if verb == b"DATA":
            writer.write(b"354 go\r\n")
            await reader.readuntil(b"\r\n.\r\n")
            writer.write(b"250 taken\r\n")
        elif verb == b"QUIT":
            writer.write(b"221 bye\r\n")
            await writer.drain()
            return
        elif verb == b"EHLO":
            writer.write(b"250-mx\r\n250-PIPELINING\r\n250 XEXCH50\r\n")
        else:
            writer.write(b"250 ok\r\n")
        await writer.drain()
