"""The sender's end of one SMTP connection: octets out exactly as given, replies in, a limit on silence.

Every failure of the connection is an ``AttemptError`` with the reason that the queue shows. Nothing here knows the
order of an SMTP session; that is ``lab.sender.transaction`` and its neighbours.

A tap hears every write and every read. Behind STARTTLS it hears no more octets: what crosses the wire then is neither
readable nor the same in two runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from smtpguard.lab.capture.tap import Tap
from smtpguard.lab.telling.transcript import Transcript
from smtpguard.smtp.replies import HELD_REPLY, Reply, ReplyReader

# Queue Viewer's words for a connection that the peer closed (vendor text); the other reasons are ours.
DROPPED = "The connection was dropped by the remote host."
SILENT = "The remote host did not answer within {seconds:g} seconds."
UNREACHABLE = "The remote host did not accept the connection."
GARBLED = "The remote host sent what is no SMTP reply."
NO_HANDSHAKE = "The TLS handshake with the remote host failed."

OURS = ("SILENT", "UNREACHABLE", "GARBLED", "NO_HANDSHAKE")

CLOSED = "the connection was closed from the other side"  # in the transcript; the lab's own note as every `---` there

_LONGEST_LINE = 65_536
_BETWEEN_SEGMENTS = 0.001  # seconds; on the virtual clock they pass when every host has read what came before
_ARRIVED = 0.001  # seconds; on the virtual clock they pass when nothing more is under way


class AttemptError(Exception):
    """The message can't be delivered now. ``silent``: the peer kept the connection open and said nothing.

    ``status``: the failure is for good, and this is why (RFC 3463).
    """

    def __init__(self, reason: str, *, silent: bool = False, status: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.silent = silent
        self.status = status


class Wire:
    """``silence``: seconds without an octet before the peer is given up; each octet that arrives starts them anew.

    ``transcript`` may be exchanged between two messages.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silence: float, transcript: Transcript
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._silence = silence
        self.transcript = transcript
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._tap: Tap | None = None
        self._number = 0
        self._over = False
        self._secured = False
        self._half_secured = False

    @classmethod
    async def connect(
        cls, address: str, port: int, silence: float, transcript: Transcript, source: str | None = None
    ) -> Wire:
        """Open a connection to a numeric address, from the local address ``source``."""
        local = None if source is None else (source, 0)
        try:
            async with asyncio.timeout(silence):
                reader, writer = await asyncio.open_connection(address, port, local_addr=local)
        except TimeoutError:
            raise AttemptError(SILENT.format(seconds=silence), silent=True) from None
        except OSError:
            raise AttemptError(UNREACHABLE) from None
        return cls(reader, writer, silence, transcript)

    @property
    def now(self) -> float:
        """Simulated seconds."""
        return self._loop.time()

    def listen(self, tap: Tap | None, number: int) -> None:
        """Let ``tap`` hear this connection, the sender's ``number``-th."""
        self._tap = tap
        self._number = number
        if tap is not None:
            tap.opened("sender", number, self._loop.time())

    async def command(self, line: bytes, shown: bytes | None = None) -> None:
        """Send one command; ``line`` without its line end. ``shown`` stands in the transcript instead."""
        self.transcript.sent(self._loop.time(), line if shown is None else shown)
        await self._write(line + b"\r\n")

    async def commands(self, lines: list[bytes]) -> None:
        """Send a group of commands in one write (RFC 2920)."""
        for line in lines:
            self.transcript.sent(self._loop.time(), line)
        await self._write(b"".join(line + b"\r\n" for line in lines))

    async def binary(self, octets: bytes) -> None:
        """Send a blob as it is."""
        self.transcript.binary(self._loop.time(), len(octets))
        await self._write(octets)

    async def message(self, content: bytes, octets: bytes, *, split_end: bool = False) -> None:
        """Send ``octets``, shown as the message ``content`` that they carry.

        ``split_end``: their last two in a segment of their own, so that the CRLF.CRLF of DATA comes in two.
        """
        self.transcript.message(self._loop.time(), content)
        if not split_end:
            return await self._write(octets)
        await self._write(octets[:-2])
        await asyncio.sleep(_BETWEEN_SEGMENTS)
        return await self._write(octets[-2:])

    async def chunk(self, content: bytes) -> None:
        """Send ``content`` as the one and last BDAT chunk: command and octets together (RFC 3030 2)."""
        line = b"BDAT %d LAST" % len(content)
        self.transcript.sent(self._loop.time(), line)
        await self.message(content, line + b"\r\n" + content)

    async def reply(self, shown: bytes | None = None) -> Reply:
        """The next reply, whole. ``shown`` stands in the transcript for what follows a 334."""
        whole = ReplyReader()
        while True:
            reply = whole.feed(await self._line())
            if reply is None:
                if whole.held > HELD_REPLY:
                    raise AttemptError(GARBLED)
                continue
            hidden = shown is not None and reply.code == 334
            self.transcript.received(self._loop.time(), [b"334 " + (shown or b"")] if hidden else reply.lines)
            if reply.fault and reply.fault != "reply-misprint":
                raise AttemptError(GARBLED)
            return reply

    async def overhear(self) -> None:
        """Put the replies that have arrived, and the close behind them, into the transcript; waits for none."""
        try:
            async with asyncio.timeout(_ARRIVED):
                while True:
                    await self.reply()
        except TimeoutError:
            return
        except AttemptError as end:
            if end.reason == DROPPED:
                self.transcript.note(self._loop.time(), CLOSED)

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> tuple[str, str]:
        """Shake hands behind the 220 to STARTTLS; gives protocol version and cipher."""
        if self._buffer:
            # Octets in clear behind the 220 were put there by someone who wants them taken for the server's.
            raise AttemptError(GARBLED)
        self._secured = True
        try:
            await self._writer.start_tls(context, server_hostname=server_name, ssl_handshake_timeout=self._silence)
        except OSError:  # ssl.SSLError and a handshake that lasts too long are OSErrors
            self._half_secured = True
            raise AttemptError(NO_HANDSHAKE) from None
        cipher = self._writer.get_extra_info("cipher")
        return cipher[1], cipher[0]

    async def close(self) -> None:
        """End the connection from our side; what the peer did not read is dropped. Never fails, may come twice."""
        self._end(from_client=True)
        self._writer.transport.abort()
        if self._half_secured:
            # asyncio does not tell the stream that a connection whose handshake failed is closed; a turn closes it.
            return await asyncio.sleep(0)
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()
        return None

    async def leave(self) -> None:
        """End the connection behind QUIT: under TLS with close_notify, else as ``close``."""
        if self._secured and not self._over:
            self._end(from_client=True)
            self._writer.close()
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._silence):
                    await self._writer.wait_closed()
        await self.close()

    def _end(self, *, from_client: bool) -> None:
        if not self._over and self._tap is not None:
            self._tap.closed("sender", self._number, self._loop.time(), from_client=from_client)
        self._over = True

    def _tell(self, octets: bytes, *, from_client: bool) -> None:
        if self._tap is not None and not self._secured:
            self._tap.said("sender", self._number, self._loop.time(), octets, from_client=from_client)

    async def _write(self, octets: bytes) -> None:
        if self._over:
            return  # the reply that explains it, if there was one, is still to be read
        self._tell(octets, from_client=True)
        self._writer.write(octets)
        try:
            async with asyncio.timeout(self._silence):
                await self._writer.drain()
        except TimeoutError:
            raise AttemptError(SILENT.format(seconds=self._silence), silent=True) from None
        except OSError:
            return

    async def _line(self) -> bytes:
        while True:
            end = self._buffer.find(b"\n")
            if end >= 0:
                line = bytes(self._buffer[: end + 1])
                del self._buffer[: end + 1]
                return line
            if len(self._buffer) > _LONGEST_LINE:
                raise AttemptError(GARBLED)
            self._buffer += await self._read()

    async def _read(self) -> bytes:
        try:
            async with asyncio.timeout(self._silence):
                octets = await self._reader.read(_LONGEST_LINE)
        except TimeoutError:
            raise AttemptError(SILENT.format(seconds=self._silence), silent=True) from None
        except OSError:  # a reset, or a TLS record that can't be read
            octets = b""
        if not octets:
            self._end(from_client=False)
            raise AttemptError(DROPPED)
        self._tell(octets, from_client=False)
        return octets
