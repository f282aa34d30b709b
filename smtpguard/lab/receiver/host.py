"""The receiving host: one listener on loopback, its mailbox, and the sessions that it must not leave behind."""

from __future__ import annotations

import asyncio
import random
import ssl
from dataclasses import dataclass, field

from smtpguard.lab.capture.tap import Tap
from smtpguard.lab.dates import Calendar
from smtpguard.lab.errors import LabError
from smtpguard.lab.events import EventLog
from smtpguard.lab.receiver.certificates import server_context
from smtpguard.lab.receiver.mailbox import Mailbox
from smtpguard.lab.receiver.offer import Offer
from smtpguard.lab.receiver.profile import Profile
from smtpguard.lab.receiver.session import ReceiverSession
from smtpguard.lab.receiver.settings import ReceiverSettings, Sink
from smtpguard.lab.sender.ntlm_nonces import Nonces
from smtpguard.relay.listening import why_deaf

LOOPBACK = "127.0.0.1"


@dataclass
class ReceiverHost:
    """Speaks as ``profile`` says, on ``host``:``port`` (0: any free port), until ``stop``.

    ``tap`` hears the leg ``receiver`` as far as it goes in clear: what goes over TLS is not told.
    """

    settings: ReceiverSettings
    profile: Profile
    calendar: Calendar
    events: EventLog
    rng: random.Random
    tap: Tap | None = None
    host: str = LOOPBACK
    port: int = 0
    mailbox: Mailbox = field(default_factory=Mailbox)
    _server: asyncio.Server | None = None
    _sessions: set[ReceiverSession] = field(default_factory=set)
    _connections: int = 0
    _certificate: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._unregistered: set[Sink] = set()
        for sink in self.settings.unregistered:
            self.unregister(sink)
        self.nonces = Nonces(self.rng, self.fqdn, self.calendar.now)
        self.domains = frozenset(domain.lower() for domain in self.settings.domains)

    @property
    def fqdn(self) -> str:
        """The host's name, as banner and replies give it."""
        return self.settings.host

    async def start(self) -> None:
        """Listen; ``port`` is the real one afterwards. Raises ``LabError`` when the address can't be had."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._session, self.host, self.port)
        except OSError as error:
            raise LabError(f"receiver {self.host}:{self.port}: {why_deaf(error)}") from None
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, end every session and wait until each is gone. May be called twice."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for session in list(self._sessions):
            await session.end()
        self._sessions.clear()

    def register(self, sink: Sink) -> None:
        """Load an event sink (regsvr32): its keyword is back from the next connection on."""
        self._unregistered.discard(sink)

    def unregister(self, sink: Sink) -> None:
        """Take an event sink out (regsvr32 /u): its keyword is missing from the next connection on.

        Raises ``LabError`` where the profile has no such sink.
        """
        if sink not in self.profile.sinks:
            known = ", ".join(self.profile.sinks) or "none"
            raise LabError(f"receiver: profile {self.profile.name} has no event sink {sink} (it has {known})")
        self._unregistered.add(sink)

    def offer(self) -> Offer:
        """What a connection that begins now is offered."""
        return Offer(self.profile, frozenset(self._unregistered), frozenset(self.settings.keywords_off))

    def certificate(self) -> ssl.SSLContext:
        """The self-signed certificate of this host, made when it is first needed."""
        if self._certificate is None:
            self._certificate = server_context(self.fqdn)
        return self._certificate

    def forget(self, session: ReceiverSession) -> None:
        """Called by a session whose connection and task are done."""
        self._sessions.discard(session)

    def new_message_id(self) -> str:
        """A Message-ID for a message that came without one. Its form is ours."""
        return f"<{self.rng.getrandbits(64):016X}@{self.fqdn}>"

    def _session(self) -> ReceiverSession:
        self._connections += 1
        session = ReceiverSession(self, self._connections, asyncio.get_running_loop())
        self._sessions.add(session)
        return session
