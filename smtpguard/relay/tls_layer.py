"""TLS between one of a session's connections and its socket: octets in clear above, records below.

A layer takes the connection's place as the transport's protocol, and the transport's place for the connection, at one
point between two reads: no octet can fall between. It is fed and emptied by hand (``ssl.MemoryBIO``), so both loops
behave the same, and a connection without TLS pays nothing.

Bounded: one read of the socket, and what a peer's record lacks. Reading stops below as soon as it stops above; what is
decrypted then has already been handed up. The handshake has a deadline. What is written before it is done waits; a
session does not read the other side meanwhile.

An end in order is a close_notify and a FIN behind it, in both directions each by itself. A FIN without a close_notify
is passed on as an end too, since SMTP says by itself where a message ends, and is recorded (RFC 8446 6.1). Fails:
a handshake through ``failed``, once; a broken record later ends the connection as lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from smtpguard.relay.settings import READ_OCTETS

if TYPE_CHECKING:
    from smtpguard.relay.connection import Connection

_VIEW = memoryview(bytearray(READ_OCTETS))
_FIRST_OCTETS = (0x15, 0x16)  # an alert, a handshake: all that may come first (RFC 8446 5.1)

Started = Callable[[], None]
Failed = Callable[[str, bool], None]


class TlsLayer(asyncio.BufferedProtocol):
    """TLS for ``connection``, over the transport that it has now: as its client where the peer's ``server_name`` is
    given, as its server where it is None. Raises ValueError for a name that is none.

    ``started`` is called when the handshake is done, ``failed(why, in_clear)`` when it never will be: ``in_clear`` says
    that the peer's first octet was none of TLS. Neither comes before ``begin``.
    """

    __slots__ = (
        "_below", "_connection", "_cut", "_done", "_ended", "_failed", "_finished", "_fresh", "_held", "_incoming",
        "_loop", "_notified", "_object", "_outgoing", "_paused", "_started", "_timer", "_waiting",
    )  # fmt: skip

    def __init__(
        self,
        connection: Connection,
        context: ssl.SSLContext,
        *,
        loop: asyncio.AbstractEventLoop,
        server_name: str | None,
        started: Started,
        failed: Failed,
        cut: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._loop = loop
        self._below = cast("asyncio.Transport", connection.transport)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server_name is None, server_hostname=server_name
        )
        self._started: Started | None = started
        self._failed: Failed | None = failed
        self._cut = cut
        self._fresh = True  # nothing has come yet
        self._done = False  # the handshake
        self._ended = False  # the peer has said its last word
        self._notified = False  # we have
        self._finished = False  # and FIN behind it
        self._paused = False
        self._held = b""  # records that came though reading had stopped
        self._waiting: list[bytes] = []  # what was written before the handshake was done
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, seconds: float, early: bytes = b"") -> None:
        """Begin the handshake, which may take so many seconds. ``early``: octets of it that were read already."""
        connection = self._connection
        self._timer = self._loop.call_later(seconds, self._fail, f"no handshake within {seconds:g} s", False)
        self._below.set_protocol(self)
        connection.transport = cast("asyncio.Transport", self)
        connection.pause_writing()
        self._set_reading()
        # Not now: whoever called has more to do before it can hear how it went.
        if early:
            self._loop.call_soon(self._take, early)
        else:
            self._loop.call_soon(self._shake_hands)

    # --- from the socket ---------------------------------------------------------------------------------------

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the loop reads into; shared by all, as in ``Connection``."""
        return _VIEW

    def buffer_updated(self, nbytes: int) -> None:
        """So many octets were read."""
        data = bytes(_VIEW[:nbytes])
        if self._held or (self._done and self._paused):
            self._held += data
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        if self._ended or not (self._done or self._failed is not None):
            return  # behind a close_notify, or a handshake that has failed: nobody would ever take it out again
        if self._done:
            self._incoming.write(data)
            self._decrypt()
        elif self._fresh and data[0] not in _FIRST_OCTETS:
            self._fail("clear text in place of a handshake", True)
        else:
            self._fresh = False
            self._incoming.write(data)
            self._shake_hands()

    def _shake_hands(self) -> None:
        if self._done or self._notified or self._failed is None:
            return
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return
        except ssl.SSLError as error:
            self._flush()
            self._fail(reason(error), False)
            return
        self._flush()
        self._done = True
        started = self._started
        self._settle()
        if started is not None:
            started()
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            self.write(data)
        self._connection.resume_writing()
        self._set_reading()
        # What came behind the handshake in the same read.
        self._held = self._incoming.read()
        self._loop.call_soon(self._hand_up_held)

    def _decrypt(self) -> None:
        """Hand up all that has come in whole records, at once: what stays inside is the piece of one."""
        pieces = []
        ended = False
        try:
            while True:
                piece = self._object.read(READ_OCTETS)
                if not piece:
                    ended = True
                    break
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            ended = True
        except ssl.SSLError:
            self._break()
            return
        self._flush()  # the answer to a key update
        if pieces:
            connection = self._connection
            connection.session.received(connection.side, pieces[0] if len(pieces) == 1 else b"".join(pieces))
        if ended:
            self._end()

    def _break(self) -> None:
        """The peer broke the protocol: it hears an alert, if it listens, and is lost."""
        self._flush()
        if self._below.get_write_buffer_size():
            self._below.abort()
        else:
            self._below.close()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._incoming.read()
            self._connection.eof_received()

    def eof_received(self) -> bool:
        """FIN."""
        if not self._done:
            self._fail("the peer closed the connection during the handshake", False)
            self._end()
            return True
        held, self._held = self._held, b""
        if held:
            self._take(held)
        if not self._ended:
            self._cut()
            self._end()
        return True

    def pause_writing(self) -> None:
        """The peer reads more slowly than we write."""
        if self._done:
            self._connection.pause_writing()

    def resume_writing(self) -> None:
        """The peer has caught up."""
        if self._done:
            self._connection.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self._ended = True  # what may still be on its way up has nobody to go to
        failed = self._failed
        self._settle()
        if failed is not None:
            failed("the connection was lost during the handshake", False)
        self._connection.connection_lost(exc)
        # Else the two would know each other until the collector comes, by way of the other side if need be.
        self._connection.transport = None
        self._connection.unlink()

    def _fail(self, why: str, in_clear: bool) -> None:
        failed = self._failed
        self._settle()
        self._waiting.clear()
        if failed is not None:
            failed(why, in_clear)

    def _settle(self) -> None:
        """The handshake is over, one way or the other; who waited for it knows us, so we let go of them."""
        self._started = self._failed = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        if self._outgoing.pending and not self._below.is_closing():
            records = self._outgoing.read()
            if not self._finished:
                self._below.write(records)

    # --- what the connection takes for its transport -------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """Octets in clear, towards the peer."""
        if not self._done:
            if self._failed is not None:
                self._waiting.append(data)
            return
        if self._notified or self._below.is_closing():
            return
        try:
            self._object.write(data)
        except ssl.SSLError:
            self._break()
            return
        self._flush()

    def write_eof(self) -> None:
        """close_notify, and FIN behind it."""
        self._notify()
        self._finished = True
        self._below.write_eof()

    def close(self) -> None:
        """close_notify, and an end behind what is still to be written."""
        self._notify()
        self._below.close()

    def _notify(self) -> None:
        if self._notified:
            return
        self._notified = True
        if not self._done:
            # Not now: whoever closes is in the midst of it.
            self._loop.call_soon(self._fail, "closed by us during the handshake", False)
            return
        # It looks for the peer's close_notify as well, and would break at a whole record: all of those are handed up.
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        self._flush()

    def abort(self) -> None:
        """Now."""
        self._below.abort()

    def pause_reading(self) -> None:
        """Nothing more is handed up."""
        self._paused = True
        self._set_reading()

    def resume_reading(self) -> None:
        """Hand up again."""
        self._paused = False
        self._set_reading()
        if self._held:
            self._loop.call_soon(self._hand_up_held)

    def _hand_up_held(self) -> None:
        if self._held and not self._paused:
            held, self._held = self._held, b""
            self._take(held)

    def _set_reading(self) -> None:
        """The handshake is always read; what follows only if it is wanted above."""
        wanted = not self._paused or not self._done
        below = self._below
        if below.is_closing() or below.is_reading() == wanted:
            return
        if wanted:
            below.resume_reading()
        else:
            below.pause_reading()

    def is_reading(self) -> bool:
        """Whether what comes is handed up."""
        return not self._paused

    def is_closing(self) -> bool:
        """Whether it was closed."""
        return self._below.is_closing()

    def get_write_buffer_size(self) -> int:
        """Octets that the socket has not taken yet."""
        return self._below.get_write_buffer_size()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """``ssl_object``, and all that the socket knows."""
        return self._object if name == "ssl_object" else self._below.get_extra_info(name, default)


def reason(error: ssl.SSLError) -> str:
    """Why TLS failed, in a few words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not accepted: {error.verify_message}"
    return (error.reason or str(error)).replace("_", " ").lower()
