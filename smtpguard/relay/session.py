"""One session: two connections, one Inspector between them, and the effects carried out in their order.

Back-pressure works each way by itself: a server that does not read stops the reading of the client, never the
replies on their way to the client. A client that does not read its replies stops both, since the guard's own replies
to it would pile up. All time is the loop's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from smtpguard.inspection.effects import Close, Effect, Finish, Pause, Record, Reset, Resume, Send, StartTls
from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.terms import Terms
from smtpguard.inspection.wording import SHUTTING_DOWN
from smtpguard.relay.addresses import Address, end_of, show_address
from smtpguard.relay.connection import Connection
from smtpguard.relay.interception import Destination
from smtpguard.relay.proxy_header import Header
from smtpguard.smtp.sides import CLIENT, SERVER, Side

if TYPE_CHECKING:
    from smtpguard.relay.guard import Guard


class RelaySession:
    """Made when a client connects; tells the guard when its last connection is gone."""

    __slots__ = (
        "_closing", "_connecting", "_done", "_early", "_early_fin", "_guard", "_inspector", "_loop", "_now",
        "_proxy_address", "_server", "_started", "_tick", "client", "client_address", "destination", "identity",
        "number", "origin", "terms",
    )  # fmt: skip

    def __init__(self, guard: Guard, number: int, loop: asyncio.AbstractEventLoop, terms: Terms) -> None:
        self._guard = guard
        self._loop = loop
        self._now: Callable[[], float] = loop.time
        self.number = number
        self.identity = f"{guard.run}{number}"
        self.client = Connection(self, CLIENT, loop.time)
        self._server = Connection(self, SERVER, loop.time)
        self.terms = terms
        self.origin: Header | None = None  # what a proxy said of the client
        self._proxy_address = ""
        self._inspector: Inspector | None = None  # made when the client's address is known
        self._started = loop.time()
        self.client_address = ""
        self.destination: Destination | None = None  # where the server is, known when the client is
        self._tick: asyncio.TimerHandle | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._closing = False
        self._done = False
        self._early: bytes | None = b""  # what the client said before there was a server; None from then on
        self._early_fin = False

    # --- connections -------------------------------------------------------------------------------------------

    def connected(self, connection: Connection) -> None:
        """A connection is up: the client's comes first, ours to the upstream follows."""
        if self._done:
            connection.abort()
            return
        if connection is self._server:
            if self._closing:
                connection.abort()
            else:
                self._link()
            return
        source = self.source
        host = None
        if source is not None:
            host = source[0]
            self.client_address = show_address(source)
        if self.origin is not None:
            self._proxy_address = self.peer_address()
        self.destination = destination = self._guard.destination(self)
        self._inspector = inspector = self._guard.inspector_for(self, host, destination)
        # Until the server is there nobody answers for it: what the client says early waits in its socket. uvloop
        # reads once all the same: it begins to read only behind this call, so there is nothing to pause yet.
        connection.read_if(False)
        refusal = self._guard.refusal(self)
        if destination is None or refusal:
            self._carry_out(inspector.refuse(refusal or SHUTTING_DOWN, self._now()))
            return
        if self._guard.lets_through(self):
            self._carry_out(inspector.let_through(self._now()))
        else:
            self._carry_out(inspector.start(self._now()))
        if not self._closing:
            self._connecting = self._loop.create_task(self._connect(destination, host))

    def goes_to(self, destination: Destination, terms: Terms) -> None:
        """It goes to another server than was meant, under these terms."""
        self.destination = destination
        if self._inspector is not None:
            self._inspector.reached(destination.numeric, terms)

    @property
    def source(self) -> Address | None:
        """The client's address: what a trusted proxy said, else the peer's."""
        if self.origin is not None and self.origin.source is not None:
            return self.origin.source
        return end_of(self.client.transport, "peername")

    @property
    def target(self) -> Address | None:
        """The address that the client connected to."""
        if self.origin is not None and self.origin.target is not None:
            return self.origin.target
        return end_of(self.client.transport, "sockname")

    @property
    def over(self) -> bool:
        """Whether the session is closing, or closed."""
        return self._closing

    def peer_address(self) -> str:
        """The other end of the client's connection, whoever the client is."""
        peer = end_of(self.client.transport, "peername")
        return show_address(peer) if peer is not None else ""

    async def _connect(self, destination: Destination, client: str | None) -> None:
        server = self._server
        try:
            if self._guard.asks_who and client is not None and (refusal := await self._guard.admit(self, client)):
                self._connecting = None
                self.refuse(refusal)
                return
            await self._guard.connect(self, server, destination)
        except (OSError, UnicodeError) as error:  # a UnicodeError is a name that no DNS can hold
            if self._done:
                return
            reason = (isinstance(error, OSError) and error.strerror) or str(error)
            self._guard.journal(
                "upstream-refused",
                {"session": self.identity, "upstream": show_address(destination.address), "error": reason},
            )
            server.lost = True
            if self._inspector is not None and not self._closing:
                self._carry_out(self._inspector.lost(SERVER, self._now()))
            self._finish_if_done()
        finally:
            self._connecting = None

    # --- what the connections report ---------------------------------------------------------------------------

    def received(self, side: Side, data: bytes) -> bool:
        """Octets were read. True when they left as they came."""
        inspector = self._inspector
        if inspector is None:
            return False
        if self._early is not None and not self._closing:
            self._early += data
            self.client.read_if(False)
            return False
        effects = inspector.receive(side, data, self._now())
        if len(effects) == 1:
            effect = effects[0]
            if type(effect) is Send and effect.data is data:
                # The way of nearly every octet: one read, one write. Where less than all went out, a rule may hold
                # the rest back, and that needs the timer.
                connection = self.client if effect.side is CLIENT else self._server
                if connection.transport is not None and not connection.finished:
                    connection.transport.write(data)
                return True
        self._carry_out(effects)
        return False

    def join(self) -> None:
        """Give both connections the short way to each other, once no gate has to hear what they say."""
        client, server, inspector = self.client, self._server, self._inspector
        if inspector is not None and self._early is None and client.session is self and server.session is self:
            client.link(inspector.shortcut(CLIENT), server, self._carry_out)
            server.link(inspector.shortcut(SERVER), client, self._carry_out)

    def _link(self) -> None:
        """The server is there: what the client said before it counts from now on."""
        early, self._early = self._early, None
        self.join()
        if early:
            self.received(CLIENT, early)
        if self._early_fin:
            self.ended(CLIENT)
        self.steer_reading()

    def ended(self, side: Side) -> None:
        """A side sent FIN."""
        if self._closing:
            self._connection(side).part()
        elif self._early is not None:
            self._early_fin = True
        elif self._inspector is not None:
            self._carry_out(self._inspector.eof(side, self._now()))

    def connection_lost(self, connection: Connection) -> None:
        """A connection is gone: in order after our close, or without a word."""
        if not self._closing and self._inspector is not None:
            self._carry_out(self._inspector.lost(connection.side, self._now()))
        self._finish_if_done()

    def steer_reading(self) -> None:
        """Read each side only while what it says can go on."""
        client, server = self.client, self._server
        if server.transport is None and not self._closing:
            return
        client.read_if(self._closing or not (client.unread or server.full or client.full))
        server.read_if(self._closing or not (server.unread or client.full))

    # --- effects -----------------------------------------------------------------------------------------------

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        closes = bool(effects) and type(effects[-1]) is Close
        for effect in effects:
            kind = type(effect)
            if kind is Send:
                self._write(effect)  # type: ignore[arg-type]
            elif kind is Record:
                self._record(effect)  # type: ignore[arg-type]
            elif kind is Pause or kind is Resume:
                connection = self._connection(effect.side)  # type: ignore[union-attr]
                connection.unread = kind is Pause
                self.steer_reading()
            elif kind is Finish and not closes:
                self._connection(effect.side).finish()  # type: ignore[union-attr]
            elif kind is Close:
                self._close()
            elif kind is Reset:
                self._reset()
            elif kind is StartTls:
                self._start_tls(effect.side)  # type: ignore[union-attr]
        inspector = self._inspector
        if inspector is not None and inspector.delayed and not self._closing:
            deadline = inspector.deadline
            if deadline is not None:
                self._arm(max(0.0, deadline - self._now()))

    def _connection(self, side: Side) -> Connection:
        return self.client if side is CLIENT else self._server

    def _write(self, effect: Send) -> None:
        connection = self._connection(effect.side)
        if connection.transport is not None and not connection.lost and not connection.finished:
            connection.transport.write(effect.data)

    def _record(self, effect: Record) -> None:
        self._guard.journal(effect.event, {"session": self.identity, **effect.fields})

    def _start_tls(self, side: Side) -> None:
        connection = self._connection(side)
        if connection.open:
            self._guard.start_tls(self, connection, partial(self._tls_started, side), partial(self._tls_failed, side))
            self.join()  # what goes to that side goes through TLS from here on

    def _tls_started(self, side: Side) -> None:
        if not self._closing and self._inspector is not None:
            self._carry_out(self._inspector.tls_started(side, self._now()))

    def _tls_failed(self, side: Side, why: str, in_clear: bool) -> None:
        if not self._closing and self._inspector is not None:
            self._carry_out(self._inspector.tls_failed(side, why, self._now(), in_clear=in_clear))

    # --- time --------------------------------------------------------------------------------------------------

    def look(self, now: float) -> float | None:
        """End what was waited for too long; when the next deadline is due, if there is one."""
        inspector = self._inspector
        if inspector is None or self._closing:
            return None
        deadline = inspector.deadline
        if deadline is not None and deadline <= now:
            self._carry_out(inspector.advance(now))
            return None if self._closing else inspector.deadline
        return deadline

    def _arm(self, seconds: float) -> None:
        if self._tick is not None:
            self._tick.cancel()
        self._tick = self._loop.call_later(seconds, self._on_tick)

    def _on_tick(self) -> None:
        """What a rule holds back is due, or a peer has had time enough to take our last words."""
        self._tick = None
        if self._closing:
            self._abort()
        elif self._inspector is not None:
            self._carry_out(self._inspector.advance(self._now()))

    # --- ends --------------------------------------------------------------------------------------------------

    def drain(self, *, at_once: bool = False) -> None:
        """The guard shuts down."""
        if self._closing:
            return
        if self._inspector is not None:
            self._carry_out(self._inspector.drain(self._now(), at_once=at_once))
        elif self.client.transport is not None:
            self.cut_off()  # a client that is still at the gate

    def cut_off(self) -> None:
        """The client was refused, or has gone, before a word was said that it could take for a reply."""
        self.client.session = self
        self._closing = True
        self._stop_connecting()
        self._abort()
        self._finish_if_done()

    def upstream_failed(self, why: str) -> None:
        """The server is there, and can't be used: the client hears 421."""
        destination = self.destination
        upstream = show_address(destination.address) if destination is not None else ""
        self._guard.journal("upstream-failed", {"session": self.identity, "upstream": upstream, "why": why})
        if self._inspector is not None and not self._closing:
            self._carry_out(self._inspector.lost(SERVER, self._now()))

    def refuse(self, reply: bytes) -> None:
        """End it; ``reply`` is the last word to the client."""
        if not self._closing and self._inspector is not None:
            self._carry_out(self._inspector.refuse(reply, self._now()))

    @property
    def held(self) -> int:
        """Octets that it holds now: unfinished ones, and those that a peer has not read yet."""
        unread = sum(
            connection.transport.get_write_buffer_size()
            for connection in (self.client, self._server)
            if connection.transport is not None and not connection.lost
        )
        return unread + (self._inspector.held if self._inspector is not None else 0)

    @property
    def payload_octets(self) -> int | None:
        """Octets from the client so far, where it is in the middle of a payload and we would read on; else None."""
        if self._inspector is None or self._server.full:
            return None
        return self._inspector.payload_octets

    def _close(self) -> None:
        """Part with both sides; one that has not said FIN has a while to take our last words: closed at once, its
        kernel might throw them away (RFC 1122 4.2.2.13)."""
        if self._closing:
            return
        self._closing = True
        self._stop_connecting()
        waiting = self.client.part(), self._server.part()
        if any(waiting):
            self.steer_reading()
            self._arm(self._guard.settings.linger)
        self._finish_if_done()

    def _reset(self) -> None:
        self._closing = True
        self._stop_connecting()
        self.client.abort(reset=True)
        self._server.abort(reset=True)
        self._finish_if_done()

    def _stop_connecting(self) -> None:
        # Not once the connection is made: a loop may then close it without telling its protocol.
        if self._connecting is not None and self._server.transport is None:
            self._connecting.cancel()

    def _abort(self) -> None:
        self.client.abort()
        self._server.abort()

    def _finish_if_done(self) -> None:
        """The last connection is gone: the summary, once."""
        if self._done or not self._closing or not self.client.lost:
            return
        if not self._server.lost and self._server.transport is not None:
            return
        self._done = True
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        summary: dict[str, object] = {
            "session": self.identity,
            "client": self.client_address,
            **({"proxy": self._proxy_address} if self.origin is not None else {}),
            "server": show_address(self.destination.address) if self.destination is not None else "",
            "policy": self._inspector.policy if self._inspector is not None else "",
            **(self._inspector.summary() if self._inspector is not None else {}),
            "duration": round(self._now() - self._started, 3),
        }
        self._guard.journal("session", summary)
        self._guard.forget(self)
        if self._inspector is not None:
            self._inspector.part()
            self._inspector = None
        # They know us, we no longer know them: all of it is freed at once, and not by the collector.
        del self.client, self._server
