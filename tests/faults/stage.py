"""A stage for faults: a real aiosmtpd, the real relay before it, clients, all on one virtual clock."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from smtpguard.lab.clock import run_virtual
from smtpguard.policy.loader import load_policy
from smtpguard.relay.guard import Guard
from tests.relay.hosts import Journal, guard

RESET = b"(reset)"
SILENCE = b"(silence)"
PATIENCE = 120.0  # virtual seconds that a client waits for a reply: less than aiosmtpd waits for the client
REPLY = re.compile(rb"(?:\d{3}-[^\n]*\n)*\d{3} [^\n]*\n")


class Inbox:
    """aiosmtpd's handler: keeps what it takes."""

    def __init__(self) -> None:
        self.messages: list[Envelope] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        self.messages.append(envelope)
        return "250 2.0.0 Taken"


class Client:
    """One connection to the guard. What comes in place of a reply: ``b""`` for a close, ``RESET``, ``SILENCE``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self.pieces: list[bytes] = []

    async def reply(self) -> bytes:
        """The next whole reply; ``pieces`` are the reads that it came in."""
        got = b""
        self.pieces = []
        try:
            async with asyncio.timeout(PATIENCE):
                while not REPLY.fullmatch(got):
                    piece = await self._reader.read(65_536)
                    if not piece:
                        return got
                    self.pieces.append(piece)
                    got += piece
        except ConnectionResetError:
            return RESET
        except TimeoutError:
            return SILENCE
        return got

    async def ask(self, line: bytes) -> bytes:
        """Send a command and wait for its reply."""
        self.writer.write(line + b"\r\n")
        return await self.reply()

    async def send(self, *recipients: str, octets: int = 20, header: str = "Subject: x") -> list[bytes]:
        """A whole transaction up to the first fault: every reply that came, from MAIL on."""
        replies = [await self.ask(b"MAIL FROM:<sender@test.example>")]
        for recipient in recipients or ("someone@test.example",):
            replies.append(await self.ask(f"RCPT TO:<{recipient}>".encode()))
        if not any(reply.startswith(b"250") for reply in replies[1:]):
            return replies
        replies.append(await self.ask(b"DATA"))
        if replies[-1].startswith(b"354"):
            text = header.encode() + b"\r\n\r\n" + b"0123456789\r\n" * (octets // 12 + 1)
            replies.append(await self.ask(text + b"."))
        return replies


class Stage:
    """The guard under one policy, the server behind it, and the clock."""

    def __init__(self, box: Guard, inbox: Inbox, journal: Journal) -> None:
        self._box = box
        self._inbox = inbox
        self.journal = journal

    @property
    def taken(self) -> int:
        """Messages that the server took."""
        return len(self._inbox.messages)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """A new connection; the greeting is still to come."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._box.port)
        try:
            yield Client(reader, writer)
        finally:
            writer.transport.abort()
            with suppress(ConnectionError):
                await writer.wait_closed()

    @asynccontextmanager
    async def greeted(self) -> AsyncIterator[Client]:
        """A new connection that has said EHLO."""
        async with self.client() as client:
            assert (await client.reply()).startswith(b"220 ")
            assert (await client.ask(b"EHLO client.example")).startswith(b"250-")
            yield client

    async def greeting(self) -> bytes:
        """What a new connection hears first."""
        async with self.client() as client:
            return await client.reply()

    async def message(self, *recipients: str, octets: int = 20, header: str = "Subject: x") -> list[bytes]:
        """The replies to a whole transaction on a new connection, from MAIL on."""
        async with self.greeted() as client:
            return await client.send(*recipients, octets=octets, header=header)

    @staticmethod
    def now() -> float:
        """Seconds of the virtual clock."""
        return asyncio.get_running_loop().time()


def codes(replies: list[bytes]) -> list[int | bytes]:
    """The codes of replies; what came in a reply's place as it is."""
    return [int(reply[:3]) if reply[:3].isdigit() else reply for reply in replies]


def _authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    return AuthResult(success=True)


def play(policy: str, scene: Callable[[Stage], Awaitable[None]]) -> None:
    """Run ``scene`` on a stage under ``policy``, a name or a file."""

    async def run() -> None:
        inbox, journal = Inbox(), Journal()
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(
                inbox, hostname="mx.test.example", data_size_limit=33_554_432, authenticator=_authenticate,
                auth_require_tls=False,
            ),
            "127.0.0.1",
            0,
        )  # fmt: skip
        try:
            async with guard(server.sockets[0].getsockname()[:2], load_policy(policy), journal) as box:
                await scene(Stage(box, inbox, journal))
        finally:
            server.close()

    run_virtual(run)
