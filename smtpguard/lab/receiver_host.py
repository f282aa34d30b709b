"""The receiving host: one listener on loopback, its mailbox, and the sessions that it must not leave behind."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from smtpguard.lab.dates import Calendar
from smtpguard.lab.events import EventLog
from smtpguard.lab.mailbox import Mailbox
from smtpguard.lab.profile import Profile
from smtpguard.lab.receiver import ReceiverSession

LOOPBACK = "127.0.0.1"


@dataclass
class ReceiverHost:
    """``authenticate_first``: XEXCH50 is answered with the profile's 504, as to a stranger."""

    fqdn: str
    domains: frozenset[str]
    profile: Profile
    calendar: Calendar
    events: EventLog
    rng: random.Random
    authenticate_first: bool = False
    mailbox: Mailbox = field(default_factory=Mailbox)
    _server: asyncio.Server | None = None
    _sessions: set[ReceiverSession] = field(default_factory=set)

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, LOOPBACK, 0)

    @property
    def port(self) -> int:
        """Where it listens; only after ``start``."""
        if self._server is None:
            raise RuntimeError("the receiver does not listen")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        """Stop listening, end every session and wait until each is gone."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for session in list(self._sessions):
            await session.end()
        self._sessions.clear()

    def _session(self) -> ReceiverSession:
        session = ReceiverSession(self, asyncio.get_running_loop())
        self._sessions.add(session)
        return session

    def forget(self, session: ReceiverSession) -> None:
        """Called by a session whose connection and task are done."""
        self._sessions.discard(session)

    def new_message_id(self) -> str:
        """A Message-ID for a message that came without one. Its form is ours."""
        return f"<{self.rng.getrandbits(64):016X}@{self.fqdn}>"
