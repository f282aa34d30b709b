"""One of a session's two connections: octets in, end of stream, back-pressure, loss. Everything goes to the session.

Reads land in one buffer that all connections of the process share: a read is turned into bytes before the loop can
start another one, so an idle connection costs no buffer of its own. TCP_NODELAY is set by uvloop and asyncio both.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from smtpguard.inspection.effects import Effect
from smtpguard.inspection.inspector import Shortcut
from smtpguard.relay.settings import BULK_OCTETS, READ_OCTETS
from smtpguard.smtp.sides import Side


class Owner(Protocol):
    """Whom a connection reports to: its session, or a gate before it."""

    def connected(self, connection: Connection) -> None: ...
    def received(self, side: Side, data: bytes) -> bool: ...
    def ended(self, side: Side) -> None: ...
    def steer_reading(self) -> None: ...
    def connection_lost(self, connection: Connection) -> None: ...


_BULK_VIEW = memoryview(bytearray(BULK_OCTETS))
_VIEW = _BULK_VIEW[:READ_OCTETS]
_LINGER_ZERO = struct.pack("ii", 1, 0)


def _not_yet(_data: bytes, _now: float) -> None:
    """The shortcut of a connection that is not linked."""


def _nowhere(_what: object) -> None:
    """Of a connection that is not linked: nothing takes the shortcut there."""


class Connection(asyncio.BufferedProtocol):
    """The connection to ``side`` of one session."""

    __slots__ = (
        "_behind", "_now", "_onward", "_shortcut", "bulk", "ended", "finished", "full", "lost", "owes_fin", "session",
        "side", "transport", "unread",
    )  # fmt: skip

    def __init__(self, session: Owner, side: Side, now: Callable[[], float]) -> None:
        self._now = now
        self._shortcut: Shortcut = _not_yet
        self._onward: Callable[[bytes], object] = _nowhere
        self._behind: Callable[[Sequence[Effect]], object] = _nowhere
        self.session = session
        self.side = side
        self.transport: asyncio.Transport | None = None
        self.ended = False  # it sent FIN
        self.finished = False  # we sent FIN
        self.lost = False
        self.owes_fin = False  # FIN was wanted before there was a connection
        self.full = False  # our write buffer towards it is over the mark
        self.unread = False  # the Inspector asked not to read it
        self.bulk = False  # the last read was full and passed whole: a body is on its way

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has the socket."""
        self.transport = cast("asyncio.Transport", transport)
        self.session.connected(self)
        if self.owes_fin:
            self.finish()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop reads into: more at once while a body streams through, since then nothing is held."""
        return _BULK_VIEW if self.bulk else _VIEW

    def buffer_updated(self, nbytes: int) -> None:
        """So many octets were read."""
        data = bytes(_BULK_VIEW[:nbytes])
        behind = self._shortcut(data, self._now())
        if behind is None:
            self.bulk = self.session.received(self.side, data) and nbytes >= READ_OCTETS
            return
        self.bulk = nbytes >= READ_OCTETS
        self._onward(data)
        if behind:
            self._behind(behind)

    def eof_received(self) -> bool:
        """The peer sent FIN; the connection stays half open until the session says otherwise."""
        self.ended = True
        self.session.ended(self.side)
        return True

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write."""
        self.full = True
        self.session.steer_reading()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        self.full = False
        self.session.steer_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone, for whatever reason."""
        self.lost = True
        self.session.connection_lost(self)

    def link(self, shortcut: Shortcut, peer: Connection, behind: Callable[[Sequence[Effect]], object]) -> None:
        """Both sides are there: what ``shortcut`` says may go on is written to ``peer`` at once; ``behind`` carries out
        what follows."""
        if peer.transport is not None:
            self._shortcut = shortcut
            self._onward = peer.transport.write
            self._behind = behind

    def unlink(self) -> None:
        """Nothing may go on any more."""
        self._shortcut = _not_yet
        self._onward = _nowhere
        self._behind = _nowhere

    # --- what the session does with it -------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether there is a connection that was not given up yet."""
        return self.transport is not None and not self.lost and not self.transport.is_closing()

    def read_if(self, wanted: bool) -> None:
        """Read, or stop reading."""
        transport = self.transport
        if transport is None or not self.open or transport.is_reading() == wanted:
            return
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def finish(self) -> None:
        """Send FIN behind what is still to be written."""
        if self.transport is None:
            self.owes_fin = True
        elif self.open and not self.finished:
            self.finished = True
            # A peer that has just reset the connection has no use for our FIN; its loss is reported by itself.
            with contextlib.suppress(OSError, RuntimeError):
                self.transport.write_eof()

    def part(self) -> bool:
        """Close behind what is still to be written; a peer that has not said FIN gets ours first and may take its
        time. True when we wait for that."""
        if self.transport is None or not self.open:
            return False
        if self.ended:
            self.transport.close()
            return self.transport.get_write_buffer_size() > 0
        self.finish()
        return True

    def abort(self, *, reset: bool = False) -> None:
        """Drop what is unwritten and close now; ``reset`` with a RST."""
        transport = self.transport
        if transport is None or self.lost:
            return
        sock = transport.get_extra_info("socket")
        if reset and sock is not None:
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        transport.abort()
