"""The guard: a listener, its sessions, and a stop that loses nothing.

    guard = Guard(rulebook, listen=("127.0.0.1", 0), upstream=("127.0.0.1", 2525), journal=sink)
    await guard.start()
    ...
    await guard.stop(grace=30.0)

``start`` raises OSError where the address can't be listened on, UnicodeError where a name is none, InterceptError where
this process may not intercept. Works on any
asyncio loop and takes all time from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.shadow import ShadowedInspector
from smtpguard.inspection.terms import Terms
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.client_gate import ClientGate
from smtpguard.relay.connection import Connection
from smtpguard.relay.interception import Address, Destination, Interception, LoopError
from smtpguard.relay.listening import BACKLOG, listening_sockets
from smtpguard.relay.session import RelaySession
from smtpguard.relay.settings import RelaySettings
from smtpguard.relay.tls_contexts import TlsContexts, load_contexts
from smtpguard.relay.tls_layer import Failed, Started
from smtpguard.relay.tls_starting import TlsStarter
from smtpguard.relay.upstream_gate import UpstreamGate

Journal = Callable[[str, dict[str, object]], None]


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
        self.rulebook = rulebook
        self._transcripts = transcripts
        self._shadow = shadow
        self._shadow_tallies: dict[str, int] = {}
        self.journal = journal
        self.settings = settings if settings is not None else RelaySettings()
        self.run = run
        self._listen = listen
        self._tls_listen = tls_listen
        self._tls = TlsStarter(self.settings.tls, tls or load_contexts(self.settings.tls), journal)
        self._interception = upstream if isinstance(upstream, Interception) else None
        self._fixed = None if isinstance(upstream, Interception) else Destination(upstream)
        self._deadlines = self.settings.limits()
        self.shortest_deadline = self._deadlines.shortest
        self._tallies: dict[str, int] = {}
        self._sessions: set[RelaySession] = set()
        self._number = 0
        self._stopping = False
        self._servers: list[asyncio.Server] = []
        self._own_ports: set[int] = set()  # also when the listeners are closed, and a client is still on its way in
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
        self._tls.contexts = contexts

    @property
    def listening(self) -> bool:
        """Whether a listener is open."""
        return bool(self._servers)

    @property
    def sessions(self) -> int:
        """Sessions open now."""
        return len(self._sessions)

    async def start(self) -> None:
        """Listen. Raises OSError, InterceptError, and UnicodeError for a name that no DNS can hold."""
        loop = asyncio.get_running_loop()
        prepare = self._interception.prepare if self._interception is not None else None
        tls = self.settings.tls
        shielded = self.settings.xclient
        plain, encrypted = tls.terms(shielded=shielded), tls.terms(from_the_start=True, shielded=shielded)
        for address, terms in ((self._listen, plain), (self._tls_listen, encrypted)):
            if address is None:
                continue
            accept = partial(self._accept, loop, terms)
            for listener in await listening_sockets(*address, prepare):
                self._own_ports.add(listener.getsockname()[1])
                self._servers.append(await loop.create_server(accept, sock=listener, backlog=BACKLOG))

    def _accept(self, loop: asyncio.AbstractEventLoop, terms: Terms) -> Connection:
        self._number += 1
        session = RelaySession(self, self._number, loop, terms)
        self._sessions.add(session)
        self._empty.clear()
        if terms.tls or self.settings.proxy_protocol.accept_from:
            session.client.session = ClientGate(self, session, loop)
        return session.client

    async def stop(self, grace: float | None = None) -> None:
        """Stop listening, let transactions end for ``grace`` seconds, then say 421 to who is left."""
        self._stopping = True
        for server in self._servers:
            server.close()
        for session in tuple(self._sessions):
            session.drain()
        try:
            async with asyncio.timeout(self.settings.drain if grace is None else grace):
                await self._empty.wait()
        except TimeoutError:
            for session in tuple(self._sessions):
                session.drain(at_once=True)
            await self._empty.wait()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

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
        """Make a session's second connection. Raises OSError, and UnicodeError for a name that no DNS can hold."""
        loop = asyncio.get_running_loop()
        settings = self.settings
        tls = settings.tls.upstream
        if settings.xclient or settings.proxy_protocol.send or tls == "implicit" or session.terms.tls:
            server.session = UpstreamGate(self, session, server)
        if self._interception is None:
            await loop.create_connection(lambda: server, *destination.address)
        else:
            await loop.create_connection(lambda: server, sock=await self._interception.connect(destination))

    def may_go_in_clear(self, session: RelaySession) -> bool:
        """Whether what came encrypted may go on in clear to a session's server: by setting, and on loopback only."""
        tls = self.settings.tls
        return (tls.upstream == "none" or tls.if_unavailable == "clear") and _on_loopback(session.destination)

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
        server = destination.address[0] if destination is not None else ""
        server_address = server if _is_address(server) else None
        terms = session.terms
        if terms.offer != "never" and not _on_loopback(destination):
            terms = replace(terms, offer="never")  # an intercepted session, to a server that is not here
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
                terms=terms,
            )
        return Inspector(
            self.rulebook,
            client=client,
            server=server_address,
            number=session.number,
            tallies=self._tallies,
            deadlines=self._deadlines,
            terms=terms,
        )

    def admits(self, session: RelaySession) -> bool:
        """Whether one more session may begin; the journal hears of it where there is no room."""
        if self._stopping:
            return False
        if len(self._sessions) <= self.settings.max_sessions:
            return True
        self.journal("session-refused", {"session": session.identity, "max_sessions": self.settings.max_sessions})
        return False

    def forget(self, session: RelaySession) -> None:
        """A session is over."""
        if self._interception is not None and session.destination is not None:
            self._interception.release(session.destination)
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()


def _on_loopback(destination: Destination | None) -> bool:
    host = destination.address[0] if destination is not None else ""
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
