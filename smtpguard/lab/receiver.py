"""One session of the receiving server: aiosmtpd's protocol with the verbs, texts and strictness of Exchange.

aiosmtpd gives the transport, the reader, the time-out and the session objects. Its command loop is replaced: it answers
with its own words, ends commands at a bare LF, and drops what it has read when the peer sends FIN.

The verbs that Exchange adds, as KB812455 defines them: XEXCH50 is answered 354 and then takes exactly the announced
octets; BDAT (RFC 3030) takes its octets at once, also when the chunk is refused, and knows no dots.

A size that can't be counted, or a line that is too long, ends the session after its reply: what the next octets are is
then anyone's guess. Not here: TLS, authentication, relaying; verbs of ``Profile.not_here`` are advertised only.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Literal

from aiosmtpd.smtp import SMTP, Envelope

from smtpguard.lab.dates import mail_date
from smtpguard.lab.mailbox import StoredMessage
from smtpguard.lab.text import read_text

if TYPE_CHECKING:
    from smtpguard.lab.receiver_host import ReceiverHost

_PATH = rb"[ ]*(?:<([^<>]*)>|([^<>\s]+))(?:[ ].*)?"
_FROM = re.compile(rb"FROM:" + _PATH, re.IGNORECASE)
_TO = re.compile(rb"TO:" + _PATH, re.IGNORECASE)
_BLOB = re.compile(rb"([0-9]{1,10}) +([0-9]{1,10})")
_CHUNK = re.compile(rb"([0-9]{1,10})( +LAST)?", re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(<[^<>\r\n]+>)")
_PIECE = 65_536


class Transaction(Envelope):
    """aiosmtpd's envelope with what Exchange adds."""

    def __init__(self) -> None:
        super().__init__()
        self.blob: bytes | None = None
        self.chunks: list[bytes] | None = None  # None before the first BDAT


class ReceiverSession(SMTP):
    """Serves one connection; ``host`` holds profile, mailbox and clock."""

    # The reader's buffer: lines of text may be longer than SMTP allows, and are stored as they came.
    line_length_limit = 65_536

    def __init__(self, host: ReceiverHost, loop: asyncio.AbstractEventLoop) -> None:
        self._transaction = Transaction()
        super().__init__(None, hostname=host.fqdn, timeout=host.profile.idle_seconds, loop=loop)
        self._host = host
        self._says = host.profile.replies
        self._open = True
        self._verbs: dict[str, Callable[[bytes], Awaitable[None]]] = {
            "HELO": self._helo,
            "EHLO": self._ehlo,
            "MAIL": self._mail,
            "RCPT": self._rcpt,
            "DATA": self._data,
            "BDAT": self._bdat,
            "XEXCH50": self._xexch50,
            "RSET": self._rset,
            "NOOP": self._noop,
            "VRFY": self._vrfy,
            "QUIT": self._quit,
        }

    def eof_received(self) -> bool:
        """Let the command loop read what came before the FIN; aiosmtpd would cancel it."""
        assert self._reader is not None  # noqa: S101 - for the type checker: a connected protocol has a reader
        self._reader.feed_eof()
        return True

    async def end(self) -> None:
        """Drop the connection and wait for the command loop."""
        if self.transport is not None:
            self._writer.transport.abort()
        if self._handler_coroutine is not None:
            self._handler_coroutine.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._handler_coroutine

    def _create_envelope(self) -> Transaction:
        self._transaction = Transaction()
        return self._transaction

    def _forget_transaction(self) -> None:
        self.envelope = self._create_envelope()

    async def _handle_client(self) -> None:
        self._host.events.add("receiver", "connected")
        try:
            await self._say(self._host.profile.banner, date=mail_date(self._host.calendar.now()))
            while self._open:
                await self._command()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the peer is gone; what it had finished is stored
        finally:
            if self._transaction.blob is not None:
                self._host.mailbox.orphaned_blobs.append(self._transaction.blob)
            self._host.events.add("receiver", "disconnected")
            self._writer.close()
            self._host.forget(self)

    async def _command(self) -> None:
        try:
            line = (await self._reader.readuntil(b"\r\n"))[:-2]
        except asyncio.LimitOverrunError:
            line = b"x" * (self._host.profile.longest_command + 1)
        self._reset_timeout()
        if len(line) > self._host.profile.longest_command:
            self._open = False
            return await self._say(self._says.too_long)
        word, _, argument = line.partition(b" ")
        verb = word.decode("latin-1").upper()
        if verb in self._host.profile.not_here:
            return await self._say(self._says.not_here)
        if verb not in self._verbs or (verb == "XEXCH50" and not self._host.profile.offers(verb)):
            return await self._say(self._says.unknown)
        return await self._verbs[verb](argument.strip())

    async def _say(self, text: str, **words: object) -> None:
        await self.push(text.format(fqdn=self._host.fqdn, **words).encode("latin-1"))

    def _peer(self) -> str:
        assert self.session is not None  # noqa: S101 - made by connection_made
        peer = self.session.peer
        return str(peer[0]) if isinstance(peer, tuple) else str(peer)

    async def _helo(self, name: bytes) -> None:
        self._forget_transaction()
        await self._say(self._says.helo, ip=self._peer())

    async def _ehlo(self, name: bytes) -> None:
        self._forget_transaction()
        lines = self._host.profile.ehlo
        reply = "\r\n".join(f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines)
        await self._say(reply, ip=self._peer())

    async def _mail(self, argument: bytes) -> None:
        match = _FROM.fullmatch(argument)
        if match is None:
            return await self._say(self._says.arguments)
        if self._transaction.mail_from is not None:
            return await self._say(self._says.bad_sequence)
        sender = (match[1] or match[2] or b"").decode("latin-1")
        self._transaction.mail_from = sender
        return await self._say(self._says.sender, address=sender or "<>")

    async def _rcpt(self, argument: bytes) -> None:
        match = _TO.fullmatch(argument)
        recipient = (match[1] or match[2] or b"").decode("latin-1") if match else ""
        if not recipient:
            return await self._say(self._says.arguments)
        if self._transaction.mail_from is None:
            return await self._say(self._says.bad_sequence)
        if recipient.rpartition("@")[2].lower() not in self._host.domains:
            return await self._say(self._says.relay, address=recipient)
        self._transaction.rcpt_tos.append(recipient)
        return await self._say(self._says.recipient, address=recipient)

    async def _xexch50(self, argument: bytes) -> None:
        match = _BLOB.fullmatch(argument)
        if match is None or int(match[1]) > self._host.profile.largest_blob:
            return await self._say(self._says.arguments)
        if not self._transaction.rcpt_tos:
            return await self._say(self._says.need_recipient)
        if self._host.authenticate_first:
            self._host.events.add("receiver", "blob-refused", {"command": f"XEXCH50 {argument.decode('latin-1')}"})
            return await self._say(self._says.blob_refused)
        await self._say(self._says.blob)
        self._transaction.blob = await self._reader.readexactly(int(match[1]))
        self._reset_timeout()
        self._host.events.add("receiver", "blob-stored", {"octets": int(match[1])})
        return await self._say(self._says.blob_stored)

    async def _bdat(self, argument: bytes) -> None:
        match = _CHUNK.fullmatch(argument)
        if match is None:
            self._open = False
            return await self._say(self._says.arguments)
        size, last = int(match[1]), bool(match[2])
        if not self._transaction.rcpt_tos:
            await self._discard(size)
            return await self._say(self._says.need_recipient)
        if self._transaction.chunks is None:
            self._transaction.chunks = []
        self._transaction.chunks.append(await self._reader.readexactly(size))
        self._reset_timeout()
        if last:
            return await self._store(b"".join(self._transaction.chunks), "BDAT")
        return await self._say(self._says.chunk, octets=size)

    async def _discard(self, size: int) -> None:
        while size:
            size -= len(await self._reader.readexactly(min(size, _PIECE)))

    async def _data(self, argument: bytes) -> None:
        if not self._transaction.rcpt_tos:
            return await self._say(self._says.need_recipient)
        if self._transaction.chunks is not None:
            return await self._say(self._says.bad_sequence)
        await self._say(self._says.data)
        content = await read_text(self._reader)
        self._reset_timeout()
        return await self._store(content, "DATA")

    async def _store(self, content: bytes, verb: Literal["DATA", "BDAT"]) -> None:
        found = _MESSAGE_ID.search(content.partition(b"\r\n\r\n")[0])
        message = StoredMessage(
            sender=self._transaction.mail_from or "",
            recipients=tuple(self._transaction.rcpt_tos),
            content=content,
            blob=self._transaction.blob,
            verb=verb,
            message_id=found[1].decode("latin-1") if found else self._host.new_message_id(),
            time=self.loop.time(),
        )
        self._host.mailbox.keep(message)
        self._host.events.add(
            "receiver", "message-stored", {"verb": verb, "octets": len(content), "sha256": message.sha256}
        )
        self._forget_transaction()
        text = self._says.queued if found else self._says.queued_own_id
        await self._say(text, message_id=message.message_id)

    async def _rset(self, argument: bytes) -> None:
        self._forget_transaction()
        await self._say(self._says.reset)

    async def _noop(self, argument: bytes) -> None:
        await self._say(self._says.noop)

    async def _vrfy(self, argument: bytes) -> None:
        address = argument.decode("latin-1")
        await self._say(self._says.vrfy, address=address if "@" in address else f"{address}@{self._host.fqdn}")

    async def _quit(self, argument: bytes) -> None:
        self._open = False
        await self._say(self._says.quit)
