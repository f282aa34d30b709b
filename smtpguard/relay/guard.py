"""The guard: a listener, its sessions, and a stop that loses nothing.

    guard = Guard(rulebook, listen=("127.0.0.1", 0), upstream=("127.0.0.1", 2525), journal=sink)
    await guard.start()
    ...
    await guard.stop(grace=30.0)

``start`` raises OSError where the address can't be listened on, UnicodeError where a name is none. Works on any
asyncio loop and takes all time from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.shadow import ShadowedInspector
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.connection import Connection
from smtpguard.relay.session import RelaySession
from smtpguard.relay.settings import RelaySettings

Address = tuple[str, int]
Journal = Callable[[str, dict[str, object]], None]

BACKLOG = 1024
"""Connections that the kernel keeps until we accept them."""


class Guard:
    """One listener under one rulebook, with another one that only observes in its shadow, where there is one.
    ``journal`` takes each record as (event, fields)."""

    def __init__(
        self,
        rulebook: Rulebook,
        *,
        listen: Address,
        upstream: Address,
        journal: Journal,
        settings: RelaySettings | None = None,
        run: str = "",
        shadow: Rulebook | None = None,
    ) -> None:
        self.rulebook = rulebook
        self._shadow = shadow
        self._shadow_tallies: dict[str, int] = {}
        self.upstream = upstream
        self.journal = journal
        self.settings = settings if settings is not None else RelaySettings()
        self.run = run
        self._listen = listen
        self._upstream_address = upstream[0] if _is_address(upstream[0]) else None
        self._deadlines = self.settings.limits()
        self.shortest_deadline = self._deadlines.shortest
        self._tallies: dict[str, int] = {}
        self._sessions: set[RelaySession] = set()
        self._number = 0
        self._stopping = False
        self._server: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def port(self) -> int:
        """The port that is listened on; the one the kernel chose where 0 was asked for."""
        if self._server is None:
            raise RuntimeError("the guard is not listening")
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def sessions(self) -> int:
        """Sessions open now."""
        return len(self._sessions)

    async def start(self) -> None:
        """Listen. Raises OSError, and UnicodeError for a name that no DNS can hold."""
        loop = asyncio.get_running_loop()
        host, port = self._listen
        self._server = await loop.create_server(lambda: self._accept(loop), host, port, backlog=BACKLOG)

    def _accept(self, loop: asyncio.AbstractEventLoop) -> Connection:
        self._number += 1
        session = RelaySession(self, self._number, loop)
        self._sessions.add(session)
        self._empty.clear()
        return session.client

    async def stop(self, grace: float | None = None) -> None:
        """Stop listening, let transactions end for ``grace`` seconds, then say 421 to who is left."""
        self._stopping = True
        if self._server is not None:
            self._server.close()
        for session in tuple(self._sessions):
            session.drain()
        try:
            async with asyncio.timeout(self.settings.drain if grace is None else grace):
                await self._empty.wait()
        except TimeoutError:
            for session in tuple(self._sessions):
                session.drain(at_once=True)
            await self._empty.wait()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    # --- for sessions ------------------------------------------------------------------------------------------

    def inspector_for(self, number: int, client: str | None) -> Inspector:
        """The Inspector of session ``number``."""
        if self._shadow is not None:
            return ShadowedInspector(
                self.rulebook,
                self._shadow,
                client=client,
                server=self._upstream_address,
                number=number,
                tallies=self._tallies,
                shadow_tallies=self._shadow_tallies,
                deadlines=self._deadlines,
            )
        return Inspector(
            self.rulebook,
            client=client,
            server=self._upstream_address,
            number=number,
            tallies=self._tallies,
            deadlines=self._deadlines,
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
        self._sessions.discard(session)
        if not self._sessions:
            self._empty.set()


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit()
