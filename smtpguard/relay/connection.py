"""One of a session's two connections: octets in, end of stream, back-pressure, loss. Everything goes to the session.

Reads land in one buffer that all connections of the process share: a read is turned into bytes before the loop can
start another one, so an idle connection costs no buffer of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from typing import TYPE_CHECKING, cast

from smtpguard.relay.settings import READ_OCTETS
from smtpguard.smtp.sides import Side

if TYPE_CHECKING:
    from smtpguard.relay.session import RelaySession

_BUFFER = bytearray(READ_OCTETS)
_VIEW = memoryview(_BUFFER)
_LINGER_ZERO = struct.pack("ii", 1, 0)


class Connection(asyncio.BufferedProtocol):
    """The connection to ``side`` of one session."""

    __slots__ = ("ended", "finished", "full", "lost", "session", "side", "transport", "unread")

    def __init__(self, session: RelaySession, side: Side) -> None:
        self.session = session
        self.side = side
        self.transport: asyncio.Transport | None = None
        self.ended = False  # it sent FIN
        self.finished = False  # we sent FIN
        self.lost = False
        self.full = False  # our write buffer towards it is over the mark
        self.unread = False  # the Inspector asked not to read it

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The loop has the socket."""
        self.transport = cast("asyncio.Transport", transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.session.connected(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        """Where the loop reads into."""
        return _BUFFER

    def buffer_updated(self, nbytes: int) -> None:
        """So many octets were read."""
        self.session.received(self.side, bytes(_VIEW[:nbytes]))

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

    # --- what the session does with it -------------------------------------------------------------------------

    def read_if(self, wanted: bool) -> None:
        """Read, or stop reading."""
        transport = self.transport
        if transport is None or self.lost or transport.is_closing() or transport.is_reading() == wanted:
            return
        if wanted:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def finish(self) -> None:
        """Send FIN behind what is still to be written."""
        transport = self.transport
        if transport is None or self.finished or self.lost or transport.is_closing():
            return
        self.finished = True
        # A peer that has just reset the connection has no use for our FIN; its loss is reported by itself.
        with contextlib.suppress(OSError, RuntimeError):
            transport.write_eof()

    def close(self) -> None:
        """Close behind what is still to be written."""
        if self.transport is not None and not self.lost:
            self.transport.close()

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
