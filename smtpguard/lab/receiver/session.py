"""One session of the receiving server: aiosmtpd's protocol with the verbs, texts and strictness of Exchange.

aiosmtpd gives the transport, the reader, the time-out and the session objects. Its command loop is replaced: it answers
with its own words, ends commands at a bare LF, and drops what it has read when the peer sends FIN.

What a verb does is in ``verbs`` and the modules beside it; here is what they all stand on: commands in,
replies out, the transaction, who the peer is, and STARTTLS. A line that is too long, or octets that can't be counted,
end the session after their reply: what the next octets are is then anyone's guess.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from aiosmtpd.smtp import SMTP, Envelope

from smtpguard.lab.dates import mail_date
from smtpguard.lab.receiver.authentication import LONGEST_LINE
from smtpguard.lab.receiver.verbs import VERBS
from smtpguard.lab.text import read_text

if TYPE_CHECKING:
    from smtpguard.lab.receiver.host import ReceiverHost

_PIECE = 65_536


class Transaction(Envelope):
    """aiosmtpd's envelope with what Exchange adds."""

    def __init__(self) -> None:
        super().__init__()
        self.parameters: dict[str, str] = {}
        self.recipient_parameters: list[dict[str, str]] = []
        self.blob: bytes | None = None
        self.chunks: list[bytes] | None = None  # None before the first BDAT


class ReceiverSession(SMTP):
    """Serves one connection; ``host`` holds profile, mailbox and clock. ``number`` counts connections from 1."""

    # The reader's buffer: lines of text may be longer than SMTP allows, and are stored as they came.
    line_length_limit = 65_536

    def __init__(self, host: ReceiverHost, number: int, loop: asyncio.AbstractEventLoop) -> None:
        self.transaction = Transaction()
        super().__init__(None, hostname=host.fqdn, timeout=host.profile.idle_seconds, loop=loop)
        self.host = host
        self.number = number
        self.offer = host.offer()
        self.user = ""  # the account that the peer has proved to be
        self.tls = False
        self.link_state: bytearray | None = None  # None while no FIRST chunk has come
        self._open = True
        self._end_told = False
        self._in_payload = False

    # What the verbs use

    def peer_address(self) -> str:
        """The client's IP address. No property: aiosmtpd looks at every attribute before there is a peer."""
        assert self.session is not None  # noqa: S101 - made by connection_made
        peer = self.session.peer
        return str(peer[0]) if isinstance(peer, tuple) else str(peer)

    async def say(self, reply: str, **words: object) -> None:
        """Send the profile's text for the situation ``reply``."""
        await self.send(self.fill(self.host.profile.replies.text(reply), **words))

    def fill(self, text: str, **words: object) -> str:
        """A text of the profile with its words filled in."""
        return text.format(fqdn=self.host.fqdn, ip=self.peer_address(), **words)

    async def send(self, text: str) -> None:
        """Send a reply as it is; the last line end is added."""
        octets = text.encode("latin-1")
        if self.host.tap is not None and not self.tls:
            self.host.tap.said("receiver", self.number, self.loop.time(), octets + b"\r\n", from_client=False)
        await self.push(octets)

    async def line(self, longest: int) -> bytes | None:
        """The next line without its CRLF; None when it is longer than ``longest``. Only CRLF ends one."""
        try:
            line = (await self._reader.readuntil(b"\r\n"))[:-2]
        except asyncio.LimitOverrunError:
            return None
        self._reset_timeout()
        return line if len(line) <= longest else None

    async def octets(self, size: int) -> bytes:
        """The next ``size`` octets, whatever they are."""
        with self._payload():
            return await self._reader.readexactly(size)

    async def discard(self, size: int) -> None:
        """Read ``size`` octets and forget them."""
        while size:
            size -= len(await self.octets(min(size, _PIECE)))

    async def text(self) -> bytes:
        """The text behind DATA, without the doubled dots and the line that ends it; cut where it is too big to take."""
        with self._payload():
            return await read_text(self._reader, self.host.profile.largest_message)

    @contextlib.contextmanager
    def _payload(self) -> Iterator[None]:
        """While it runs every octet counts as life: a message may take longer than a peer may be silent."""
        self._in_payload = True
        try:
            yield
        finally:
            self._in_payload = False
        self._reset_timeout()

    def leave(self) -> None:
        """End the session when this command is done."""
        self._open = False

    def forget_transaction(self) -> None:
        """Begin anew: no sender, no recipients, no blob, no chunks."""
        self.envelope = self._create_envelope()

    def record(self, event: str, fields: dict[str, object] | None = None) -> None:
        """Write down what happened."""
        self.host.events.add("receiver", event, fields)

    async def start_tls(self) -> None:
        """The handshake, after the go-ahead; afterwards nothing that was said before counts (RFC 3207 4.2)."""
        # What came behind STARTTLS in clear must not be taken for something said under TLS.
        self._reader._buffer.clear()  # type: ignore[attr-defined]
        self.tls = True
        try:
            await self._writer.start_tls(self.host.certificate())
        except OSError:
            self.record("tls-failed")
            # asyncio does not tell a protocol of a connection that was lost in the middle of a handshake.
            self.loop.call_soon(self.connection_lost, None)
            return self.leave()
        self.transport = self._writer.transport
        self.user = ""
        self.link_state = None
        self.forget_transaction()
        return self.record("tls-started")

    # The connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer is there."""
        if self.host.tap is not None:
            self.host.tap.opened("receiver", self.number, self.loop.time())
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Octets of the peer."""
        if self.host.tap is not None and not self.tls:
            self.host.tap.said("receiver", self.number, self.loop.time(), data, from_client=True)
        if self._in_payload:
            self._reset_timeout()
        super().data_received(data)

    def eof_received(self) -> bool:
        """Let the command loop read what came before the FIN; aiosmtpd would cancel it."""
        self._tell_end(from_client=True)
        assert self._reader is not None  # noqa: S101 - for the type checker: a connected protocol has a reader
        self._reader.feed_eof()
        return not self.tls  # a TLS connection can't be half open

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is gone, by whomever; told a second time, nothing happens."""
        if self.transport is None:
            return
        self._tell_end(from_client=True)
        super().connection_lost(error)
        self.host.forget(self)

    async def end(self) -> None:
        """Drop the connection and wait for the command loop and the transport."""
        self._tell_end(from_client=False)
        if self.transport is not None:
            self._writer.transport.abort()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._handler_coroutine
        self.connection_lost(None)
        await asyncio.sleep(0)  # the transport closes its socket on the loop's next turn

    def _timeout_cb(self) -> None:
        self._tell_end(from_client=False)
        if self._writer.transport.get_write_buffer_size():
            self._writer.transport.abort()  # a close would wait for a peer that reads nothing
        self._writer.close()

    def _tell_end(self, *, from_client: bool) -> None:
        if self.host.tap is not None and not self._end_told:
            self.host.tap.closed("receiver", self.number, self.loop.time(), from_client=from_client)
        self._end_told = True

    def _create_envelope(self) -> Transaction:
        self.transaction = Transaction()
        return self.transaction

    # The command loop

    async def _handle_client(self) -> None:
        self.record("connected", {"connection": self.number})
        try:
            await self.send(self.fill(self.host.profile.banner, date=mail_date(self.host.calendar.now())))
            while self._open:
                await self._command()
        except (asyncio.IncompleteReadError, OSError):
            pass  # the peer is gone; what it had finished is stored
        finally:
            if self.transaction.blob is not None:
                self.host.mailbox.orphaned_blobs.append(self.transaction.blob)
            self.record("disconnected", {"connection": self.number})
            self._tell_end(from_client=False)
            self._writer.close()

    async def _command(self) -> None:
        line = await self.line(LONGEST_LINE)
        word, _, argument = (line or b"").partition(b" ")
        verb = word.decode("latin-1").upper()
        # KB812455: X-EXPS has no limit of its own; RFC 4954 4 gives AUTH, and an initial response, more room.
        longest = LONGEST_LINE if verb in {"AUTH", "X-EXPS"} else self.host.profile.longest_command
        if line is None or len(line) > longest:
            self.leave()
            return await self.say("too_long")
        if self.offer.lacks(verb):
            return await self.say("not_here")
        if not self.offer.knows(verb):
            return await self.say("unknown")
        return await VERBS[verb](self, line, argument.strip(b" \t"))
