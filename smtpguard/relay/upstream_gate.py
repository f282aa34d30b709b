"""The connection to the server before it is the session's: a PROXY header, TLS, and the guard's own opening.

The gate stands in the session's place until the server's greeting is at hand for the client. What fails here is a 421
to the client, by the Inspector, and an ``upstream-failed`` in the journal. Time is the Inspector's: it waits for a
greeting no longer than ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smtpguard.inspection.effects import Effect, Record, Send, StartTls
from smtpguard.inspection.opening import Opening
from smtpguard.relay.addresses import end_of
from smtpguard.relay.proxy_header import write_header
from smtpguard.smtp.sides import SERVER, Side

if TYPE_CHECKING:
    from smtpguard.relay.connection import Connection
    from smtpguard.relay.guard import Guard
    from smtpguard.relay.session import RelaySession


class UpstreamGate:
    """One connection's gate."""

    __slots__ = ("_connection", "_guard", "_opening", "_session")

    def __init__(self, guard: Guard, session: RelaySession, connection: Connection) -> None:
        self._guard = guard
        self._session = session
        self._connection = connection
        self._opening: Opening | None = None

    def connected(self, connection: Connection) -> None:
        """The server is there."""
        session = self._session
        settings = self._guard.settings
        transport = connection.transport
        if transport is None or session.over:
            self._hand_over(b"")
            return
        if settings.proxy_protocol.send is not None:
            transport.write(write_header(settings.proxy_protocol.send, session.source, session.target))
        tls = settings.tls
        if session.terms.tls and tls.upstream == "starttls":
            in_clear = self._guard.may_go_in_clear(session)
            self._opening = Opening(
                name=_literal(transport), tls="wanted" if in_clear else "required", client=self._named()
            )
        elif settings.xclient:
            self._opening = Opening(name=_literal(transport), client=self._named())
        if session.terms.tls and tls.upstream == "none" and not self._guard.may_go_in_clear(session):
            self._fail("what came encrypted may not go on in clear: the server is not on loopback")
        elif tls.upstream == "implicit":
            self._guard.start_tls(session, connection, self._begin, self._tls_failed)
        else:
            self._begin()

    def _named(self) -> tuple[str, int] | None:
        return self._session.source if self._guard.settings.xclient else None

    def _begin(self) -> None:
        if self._opening is None:
            self._hand_over(b"")

    def received(self, side: Side, data: bytes) -> bool:
        """Octets of the server."""
        if self._opening is not None:
            self._carry_out(self._opening, self._opening.receive(data))
        return False

    def ended(self, side: Side) -> None:
        """FIN."""
        if self._session.over:
            self._connection.part()
        else:
            self._fail("the server closed the connection")

    def steer_reading(self) -> None:
        """Nothing to steer: a few lines each way."""

    def connection_lost(self, connection: Connection) -> None:
        """The server has gone."""
        connection.session = self._session
        self._session.connection_lost(connection)

    # --- inside ------------------------------------------------------------------------------------------------

    def _carry_out(self, opening: Opening, effects: list[Effect]) -> None:
        session = self._session
        if session.over:
            return
        for effect in effects:
            if isinstance(effect, Send) and self._connection.transport is not None:
                self._connection.transport.write(effect.data)
            elif isinstance(effect, Record):
                self._guard.journal(effect.event, {"session": session.identity, **effect.fields})
            elif isinstance(effect, StartTls):
                self._guard.start_tls(session, self._connection, self._tls_up, self._tls_failed)
        if opening.failed:
            self._fail(opening.failed)
        elif opening.greeting is not None:
            self._hand_over(opening.greeting)

    def _tls_up(self) -> None:
        if self._opening is not None:
            self._carry_out(self._opening, self._opening.tls_started())

    def _tls_failed(self, why: str, in_clear: bool) -> None:
        if not self._session.over:
            self._fail(f"TLS: {why}")

    def _hand_over(self, greeting: bytes) -> None:
        connection = self._connection
        connection.session = self._session
        self._session.connected(connection)
        if greeting:
            self._session.received(SERVER, greeting)

    def _fail(self, why: str) -> None:
        self._connection.session = self._session
        self._session.upstream_failed(why)


def _literal(transport: Any) -> str:
    """What the guard calls itself: the address that it connects from (RFC 5321 4.1.3)."""
    host, _ = end_of(transport, "sockname") or ("127.0.0.1", 0)
    return f"[IPv6:{host}]" if ":" in host else f"[{host}]"
