"""The client's connection before there is a session: who the client is, and TLS where it comes first.

A gate stands in the session's place, and is gone from the way of every octet once it has handed over:

    from a trusted network     a PROXY header, whole, within its deadline; then the session, in the name that it gives
    from anywhere else         the session at once; a first word that is a PROXY header is refused and recorded, since
                               somebody claims to be somebody else
    a listener for TLS         the handshake, behind the header where there is one

What is refused is closed without a word (``proxy-refused``, ``tls-failed``): no conversation has begun. Octets behind a
header are the session's, or TLS's.
"""

from __future__ import annotations

import asyncio
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import TYPE_CHECKING

from smtpguard.relay.addresses import end_of
from smtpguard.relay.proxy_header import HeaderError, may_begin_header, read_header
from smtpguard.smtp.sides import Side

if TYPE_CHECKING:
    from smtpguard.relay.connection import Connection
    from smtpguard.relay.guard import Guard
    from smtpguard.relay.session import RelaySession


class ClientGate:
    """One client's gate."""

    __slots__ = ("_early", "_guard", "_loop", "_reads_header", "_session", "_timer", "_watches")

    def __init__(self, guard: Guard, session: RelaySession, loop: asyncio.AbstractEventLoop) -> None:
        self._guard = guard
        self._session = session
        self._loop = loop
        self._reads_header = False
        self._watches = False  # the session has begun, the client's first word is still to come
        self._early = b""
        self._timer: asyncio.TimerHandle | None = None

    def connected(self, connection: Connection) -> None:
        """The client is there."""
        settings = self._guard.settings.proxy_protocol
        session = self._session
        from_proxy = bool(settings.accept_from) and _trusted(connection, settings.accept_from)
        if from_proxy or session.terms.tls:
            # Who waits here holds a place too: a crowd that never comes to a word must not grow.
            session.client_address = session.peer_address()
            if self._guard.refusal(session):
                self._give_up()
                return
        if not settings.accept_from:
            self._go_on(connection)
        elif from_proxy:
            self._reads_header = True
            seconds = settings.header
            self._timer = self._loop.call_later(seconds, self._refuse, f"no whole header within {seconds:g} s")
        else:
            self._watches = not self._session.terms.tls
            self._go_on(connection)

    def received(self, side: Side, data: bytes) -> bool:
        """Octets of the client."""
        session = self._session
        connection = session.client
        if self._reads_header:
            self._early += data
            self._read_header(connection)
        elif self._watches:
            self._early += data
            verdict = may_begin_header(self._early)
            if verdict is None:
                return False
            early, self._early = self._early, b""
            connection.session = session
            session.join()
            if verdict:
                self._guard.journal(
                    "proxy-refused",
                    {"session": session.identity, "peer": session.client_address, "why": "a header from no proxy"},
                )
                session.cut_off()
            else:
                return session.received(side, early)
        return False

    def ended(self, side: Side) -> None:
        """FIN."""
        if self._reads_header:
            self._refuse("the connection ended before its header")
        elif self._watches:
            self._end_watch()
            self._session.ended(side)

    def steer_reading(self) -> None:
        """Only a session that has begun has anything to steer."""
        if self._watches:
            self._session.steer_reading()

    def connection_lost(self, connection: Connection) -> None:
        """The client has gone."""
        if self._watches:
            connection.session = self._session
            self._session.connection_lost(connection)
        else:
            self._give_up()

    # --- inside ------------------------------------------------------------------------------------------------

    def _read_header(self, connection: Connection) -> None:
        try:
            found = read_header(self._early)
        except HeaderError as error:
            self._refuse(str(error))
            return
        if found is None:
            return
        header, size = found
        rest, self._early = self._early[size:], b""
        self._reads_header = False
        self._stop_timer()
        self._session.origin = header
        self._go_on(connection, rest)

    def _go_on(self, connection: Connection, early: bytes = b"") -> None:
        """The client is known."""
        if self._session.terms.tls:
            self._guard.start_tls(self._session, connection, self._hand_over, self._tls_failed, early)
            return
        self._hand_over()
        if early:
            self._session.received(connection.side, early)

    def _hand_over(self) -> None:
        session = self._session
        connection = session.client
        if not self._watches:
            connection.session = session
        session.connected(connection)

    def _end_watch(self) -> None:
        early, self._early = self._early, b""
        session = self._session
        session.client.session = session
        session.join()
        if early:
            session.received(session.client.side, early)

    def _tls_failed(self, why: str, in_clear: bool) -> None:
        self._guard.journal(
            "tls-failed", {"session": self._session.identity, "side": "client", "why": why, "in_clear": in_clear}
        )
        self._give_up()

    def _refuse(self, why: str) -> None:
        session = self._session
        peer = session.peer_address()
        self._guard.journal("proxy-refused", {"session": session.identity, "peer": peer, "why": why})
        self._give_up()

    def _give_up(self) -> None:
        self._stop_timer()
        self._reads_header = False
        self._session.client.session = self._session
        self._session.cut_off()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _trusted(connection: Connection, networks: list[IPv4Network | IPv6Network]) -> bool:
    peer = end_of(connection.transport, "peername")
    if peer is None:
        return False
    address = ip_address(peer[0])
    mapped = getattr(address, "ipv4_mapped", None) or address
    return any(mapped in network for network in networks)
