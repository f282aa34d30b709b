"""The guard: a listener, its sessions, and a stop that loses nothing.

    guard = Guard(rulebook, listen=("127.0.0.1", 0), upstream=("127.0.0.1", 2525), journal=sink)
    await guard.start()
    guard.adopt(another, None, settings)      # for sessions that begin from now on
    guard.look(lag=0.0)                       # every second or so: limits that are measured, not counted
    await guard.stop(grace=30.0)

``start`` raises OSError where the address can't be listened on, UnicodeError where a name is none, InterceptError where
this process may not intercept. Works on any asyncio loop and takes all time from it.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.meter import Meter
from smtpguard.inspection.shadow import ShadowedInspector
from smtpguard.inspection.terms import Terms
from smtpguard.inspection.wording import SHUTTING_DOWN, TOO_BUSY, TOO_MANY_OF_YOURS, TOO_MANY_SESSIONS, TOO_SLOW
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.addresses import Address, on_loopback
from smtpguard.relay.admission import STORE, Admission
from smtpguard.relay.client_gate import ClientGate
from smtpguard.relay.connection import Connection
from smtpguard.relay.deadline_watch import DeadlineWatch
from smtpguard.relay.interception import Destination, Interception, LoopError
from smtpguard.relay.listening import BACKLOG, listening_sockets, waiting
from smtpguard.relay.load import Load
from smtpguard.relay.session import RelaySession
from smtpguard.relay.settings import RelaySettings
from smtpguard.relay.tls_contexts import TlsContexts, load_contexts
from smtpguard.relay.tls_layer import Failed, Started
from smtpguard.relay.tls_starting import TlsStarter
from smtpguard.relay.upstream_gate import UpstreamGate

Journal = Callable[[str, dict[str, object]], None]
Sockets = tuple[Sequence[socket.socket], Sequence[socket.socket]]
"""Those where clients speak in clear at first, and those where they speak TLS from the first octet on."""


class Guard:
    """One listener under one rulebook, with another one that only observes in its shadow, where there is one.

    ``journal`` takes each record as (event, fields); ``transcripts`` puts what was said, masked, into each session's
    summary. Sessions go to ``upstream``, or where ``interception`` says that each was to go."""

    def __init__(
        self,
        rulebook: Rulebook,
        *,
        listen: Address | None,
        upstream: Address | Interception,
        journal: Journal,
        settings: RelaySettings | None = None,
        run: str = "",
        shadow: Rulebook | None = None,
        transcripts: bool = False,
        tls: TlsContexts | None = None,
        tls_listen: Address | None = None,
    ) -> None:
        self._transcripts = transcripts
        self._shadow_tallies: dict[str, int] = {}
        self.journal = journal
        self.run = run
        self._listen = listen
        self._tls_listen = tls_listen
        self._interception = upstream if isinstance(upstream, Interception) else None
        self._fixed = None if isinstance(upstream, Interception) else Destination(upstream)
        self._tallies: dict[str, int] = {}
        self.meter = Meter()
        self._load = Load()
        self._admission: Admission | None = None
        self._shortest_deadline = float("inf")
        settings = settings if settings is not None else RelaySettings()
        self._tls = TlsStarter(settings.tls, tls or load_contexts(settings.tls), journal)
        self.adopt(rulebook, shadow, settings)
        self._sessions: set[RelaySession] = set()
        self._watch = DeadlineWatch(self._sessions)
        self._number = 0
        self._stopping = False
        self._lent = False
        self._servers: list[asyncio.Server] = []
        self._own_ports: set[int] = set()  # also when the listeners are closed, and a client is still on its way in
        self._accepting: list[tuple[asyncio.Server, Callable[[], Connection]]] = []
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def port(self) -> int:
        """The port that is listened on; the one the kernel chose where 0 was asked for."""
        if not self._servers:
            raise RuntimeError("the guard is not listening")
        return int(self._servers[0].sockets[0].getsockname()[1])

    @property
    def tls_port(self) -> int:
        """The port where clients speak TLS from the first octet on."""
        if self._tls_listen is None or not self._servers:
            raise RuntimeError("the guard is not listening for TLS")
        return int(self._servers[-1].sockets[0].getsockname()[1])

    def swap_tls(self, contexts: TlsContexts) -> None:
        """Other certificates, for every handshake from now on; sessions that are up keep theirs."""
        # A session that was offered TLS must get it, even where none is offered any more.
        self._tls.contexts = replace(contexts, server=contexts.server or self._tls.contexts.server)

    @property
    def listening(self) -> bool:
        """Whether a listener is open."""
        return bool(self._servers)

    @property
    def sessions(self) -> int:
        """Sessions open now."""
        return len(self._sessions)

    @property
    def held(self) -> int:
        """Octets that all sessions held when they were last looked at."""
        return self._load.held

    def adopt(self, rulebook: Rulebook, shadow: Rulebook | None, settings: RelaySettings) -> None:
        """Sessions that begin from now on are under these; those in flight end under the policy they began with.

        Raises StoreError for a shared store's address that is none; nothing has changed then.
        """
        if self._admission is not None:
            self._admission.adopt(settings.limits)
        elif settings.limits.asks_who:
            self._admission = Admission(settings.limits, self.journal)
        self.rulebook = rulebook
        self._shadow = shadow
        self.settings = settings
        self._tls.settings = settings.tls
        shielded = settings.xclient
        self._terms = settings.tls.terms(shielded=shielded)
        self._tls_terms = settings.tls.terms(from_the_start=True, shielded=shielded)
        self._deadlines = settings.waits()
        # Sessions in flight keep the deadlines that they began with.
        self._shortest_deadline = min(self._shortest_deadline, self._deadlines.shortest)
        second = settings.failure.second
        self._second = Destination(second) if second is not None else None

    async def start(self, sockets: Sockets | None = None, *, lent: bool = False) -> None:
        """Listen; on ``sockets``, where somebody has bound them before. ``lent`` ones have another listener, or will
        have, when we stop. Raises OSError, InterceptError, and UnicodeError for a name that no DNS can hold."""
        loop = asyncio.get_running_loop()
        self._lent = lent
        prepare = self._interception.prepare if self._interception is not None else None
        for encrypted, address in enumerate((self._listen, self._tls_listen)):
            if sockets is not None:
                listeners = sockets[encrypted]
            else:
                listeners = await listening_sockets(*address, prepare) if address is not None else ()
            accept = partial(self._accept, loop, bool(encrypted))
            for listener in listeners:
                self._own_ports.add(listener.getsockname()[1])
                server = await loop.create_server(accept, sock=listener, backlog=BACKLOG)
                self._servers.append(server)
                self._accepting.append((server, accept))

    def look(self, lag: float) -> None:
        """Measure what is held, and end what is too slow. ``lag``: seconds that this call comes late."""
        for session in self._load.look(self._sessions, self.settings, asyncio.get_running_loop().time(), lag):
            self.journal("slow-client", {"session": session.identity, "client": session.client_address})
            session.refuse(TOO_SLOW)

    async def renew(self) -> None:
        """Tell a shared store that the sessions counted there still go on; to be called every few seconds."""
        if self._admission is not None:
            await self._admission.renew()

    def _accept(self, loop: asyncio.AbstractEventLoop, encrypted: bool) -> Connection:
        self._number += 1
        terms = self._tls_terms if encrypted else self._terms
        session = RelaySession(self, self._number, loop, terms)
        self._sessions.add(session)
        self._watch.begin(loop, self._shortest_deadline)
        self._empty.clear()
        if terms.tls or self.settings.proxy_protocol.accept_from:
            session.client.session = ClientGate(self, session, loop)
        return session.client

    async def stop(self, grace: float | None = None) -> None:
        """Stop listening, let transactions end for ``grace`` seconds, then say 421 to who is left."""
        self._stopping = True
        await self._stop_listening()
        for session in tuple(self._sessions):
            session.drain()
        try:
            async with asyncio.timeout(self.settings.drain if grace is None else grace):
                await self._empty.wait()
        except TimeoutError:
            for session in tuple(self._sessions):
                session.drain(at_once=True)
            await self._empty.wait()
        self._watch.end()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
        self._accepting.clear()
        if self._admission is not None:
            await self._admission.close()

    async def _stop_listening(self) -> None:
        """Who has called and was not yet accepted is accepted, to be told 421: closed with the socket, the kernel
        would reset the connection. Sockets that were lent have another listener, or will have: he takes them."""
        loop = asyncio.get_running_loop()
        left = [] if self._lent else [(accept, waiting(server)) for server, accept in self._accepting]
        for server in self._servers:
            server.close()
        for accept, sock in ((accept, sock) for accept, some in left for sock in some):
            try:
                await loop.connect_accepted_socket(accept, sock)
            except OSError:
                sock.close()

    # --- for sessions ------------------------------------------------------------------------------------------

    def destination(self, session: RelaySession) -> Destination | None:
        """Where a session's second connection goes; None where that is nowhere, and the journal hears of it."""
        if self._fixed is not None or self._interception is None:
            return self._fixed
        transport = session.client.transport
        try:
            # A client that has gone already has no address any more: an OSError.
            return self._interception.destination(transport and transport.get_extra_info("socket"), self._own_ports)
        except (LoopError, OSError) as error:
            self.journal(
                "loop-refused", {"session": session.identity, "client": session.client_address, "reason": str(error)}
            )
            return None

    async def connect(self, session: RelaySession, server: Connection, destination: Destination) -> None:
        """Make a session's second connection, to the second upstream where the first can't be reached. Raises OSError,
        and UnicodeError for a name that no DNS can hold."""
        settings = self.settings
        tls = settings.tls.upstream
        if settings.xclient or settings.proxy_protocol.send or tls == "implicit" or session.terms.tls:
            server.session = UpstreamGate(self, session, server)
        second = self._second if destination is self._fixed else None
        if second is None:
            await self._call(server, destination)
            return
        try:
            await self._call_in_time(server, destination)
        except (OSError, UnicodeError) as error:
            if server.transport is not None:
                raise
            self.journal(
                "upstream-second",
                {"session": session.identity, "error": str(error), "second": settings.failure.second_upstream},
            )
            session.goes_to(second, self._terms_toward(session, second))
            await self._call(server, second)

    async def _call(self, server: Connection, destination: Destination) -> None:
        loop = asyncio.get_running_loop()
        if self._interception is None:
            await loop.create_connection(lambda: server, *destination.address)
        else:
            await loop.create_connection(lambda: server, sock=await self._interception.connect(destination))

    async def _call_in_time(self, server: Connection, destination: Destination) -> None:
        try:
            async with asyncio.timeout(self.settings.failure.connect):
                await self._call(server, destination)
        except TimeoutError:
            if server.transport is not None:
                server.transport.abort()
            raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT)) from None

    def may_go_in_clear(self, session: RelaySession) -> bool:
        """Whether what came encrypted may go on in clear to a session's server: by setting, and on loopback only."""
        tls = self.settings.tls
        wanted = tls.upstream == "none" or tls.if_unavailable == "clear"
        return wanted and session.destination is not None and on_loopback(session.destination.address[0])

    def start_tls(
        self, session: RelaySession, connection: Connection, started: Started, failed: Failed, early: bytes = b""
    ) -> None:
        """Begin TLS on one of a session's connections; one of the two is called when it is known how it went.
        ``early``: octets of the client's handshake that were read already."""
        destination = session.destination
        host = destination.address[0] if destination is not None else ""
        self._tls.start(session.identity, connection, host, started, failed, early)

    def inspector_for(self, session: RelaySession, client: str | None, destination: Destination | None) -> Inspector:
        """The Inspector of a session."""
        server_address = destination.numeric if destination is not None else None
        terms = self._terms_toward(session, destination)
        if self._shadow is not None or self._transcripts:
            return ShadowedInspector(
                self.rulebook,
                self._shadow,
                transcribe=self._transcripts,
                client=client,
                server=server_address,
                number=session.number,
                tallies=self._tallies,
                shadow_tallies=self._shadow_tallies,
                deadlines=self._deadlines,
                meter=self.meter,
                terms=terms,
            )
        return Inspector(
            self.rulebook,
            client=client,
            server=server_address,
            number=session.number,
            tallies=self._tallies,
            deadlines=self._deadlines,
            meter=self.meter,
            terms=terms,
        )

    @staticmethod
    def _terms_toward(session: RelaySession, destination: Destination | None) -> Terms:
        """A session's terms towards a server: the guard goes on in clear only to one that is here."""
        terms = session.terms
        if terms.offer == "never" or (destination is not None and on_loopback(destination.address[0])):
            return terms
        return replace(terms, offer="never")

    def refusal(self, session: RelaySession) -> bytes:
        """The 421 of one session too many, b"" where it may begin; the journal hears of it where there is no room."""
        if self._stopping:
            return SHUTTING_DOWN
        if len(self._sessions) > self.settings.max_sessions:
            return self._refuse(session, "max_sessions", TOO_MANY_SESSIONS)
        if self._load.overload and self.settings.failure.overload == "refuse":
            return self._refuse(session, self._load.overload, TOO_BUSY)
        return b""

    def lets_through(self, session: RelaySession) -> bool:
        """Whether a session passes unseen, since the guard has too much to do; the journal hears of each."""
        if not self._load.overload or self.settings.failure.overload != "tunnel":
            return False
        self.journal(
            "uninspected",
            {"session": session.identity, "client": session.client_address, "limit": self._load.overload},
        )
        return True

    @property
    def asks_who(self) -> bool:
        """Whether clients are counted: then each must be admitted."""
        return self._admission is not None

    async def admit(self, session: RelaySession, client: str) -> bytes:
        """The 421 of a client that has too many already; b"" where it may go on."""
        limit = await self._admission.refusal(session.identity, client) if self._admission is not None else ""
        if not limit:
            return b""
        return self._refuse(session, limit, TOO_BUSY if limit == STORE else TOO_MANY_OF_YOURS)

    def _refuse(self, session: RelaySession, limit: str, reply: bytes) -> bytes:
        self.journal("session-refused", {"session": session.identity, "client": session.client_address, "limit": limit})
        return reply

    def forget(self, session: RelaySession) -> None:
        """A session is over."""
        if self._interception is not None and session.destination is not None:
            self._interception.release(session.destination)
        if self._admission is not None:
            self._admission.release(session.identity)
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()
