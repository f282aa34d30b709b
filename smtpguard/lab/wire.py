"""The sender's end of one SMTP connection: octets out exactly as given, replies in, a limit on silence.

Every failure of the connection is an ``AttemptError`` with the reason that the queue shows. Nothing here knows the
order of an SMTP session; that is ``lab.sender``.
"""

from __future__ import annotations

import asyncio
import contextlib

from smtpguard.lab.transcript import Transcript
from smtpguard.smtp.replies import Reply, ReplyReader

# Queue Viewer's words for a connection that the peer closed (vendor text); the other reasons are ours.
DROPPED = "The connection was dropped by the remote host."
SILENT = "The remote host did not answer within {seconds:g} seconds."
UNREACHABLE = "The remote host did not accept the connection."
GARBLED = "The remote host sent what is no SMTP reply."
UNRESOLVED = "The remote domain has no mail exchanger."

_LONGEST_LINE = 65_536


class AttemptError(Exception):
    """The message can't be delivered now. ``silent``: the peer kept the connection open and said nothing."""

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.silent = silent


class Wire:
    """``silence``: seconds without an octet before the peer is given up; each octet that arrives starts them anew."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silence: float, transcript: Transcript
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._silence = silence
        self._transcript = transcript
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()

    @classmethod
    async def connect(cls, address: str, port: int, silence: float, transcript: Transcript) -> Wire:
        """Open a connection to a numeric address."""
        try:
            async with asyncio.timeout(silence):
                reader, writer = await asyncio.open_connection(address, port)
        except TimeoutError:
            raise AttemptError(SILENT.format(seconds=silence), silent=True) from None
        except OSError:
            raise AttemptError(UNREACHABLE) from None
        return cls(reader, writer, silence, transcript)

    async def command(self, line: bytes) -> None:
        """Send one command; ``line`` without its line end."""
        self._transcript.sent(self._loop.time(), line)
        await self._write(line + b"\r\n")

    async def binary(self, octets: bytes) -> None:
        """Send a blob as it is."""
        self._transcript.binary(self._loop.time(), len(octets))
        await self._write(octets)

    async def message(self, content: bytes, octets: bytes) -> None:
        """Send ``octets``, shown as the message ``content`` that they carry."""
        self._transcript.message(self._loop.time(), content)
        await self._write(octets)

    async def chunk(self, content: bytes) -> None:
        """Send ``content`` as the one and last BDAT chunk: command and octets together (RFC 3030 2)."""
        line = b"BDAT %d LAST" % len(content)
        self._transcript.sent(self._loop.time(), line)
        await self.message(content, line + b"\r\n" + content)

    async def reply(self) -> Reply:
        """The next reply, whole."""
        whole = ReplyReader()
        while True:
            reply = whole.feed(await self._line())
            if reply is None:
                continue
            self._transcript.received(self._loop.time(), reply.lines)
            if reply.fault and reply.fault != "reply-misprint":
                raise AttemptError(GARBLED)
            return reply

    async def close(self) -> None:
        """End the connection from our side; what the peer did not read is dropped. Never fails, may come twice."""
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _write(self, octets: bytes) -> None:
        self._writer.write(octets)
        try:
            async with asyncio.timeout(self._silence):
                await self._writer.drain()
        except TimeoutError:
            raise AttemptError(SILENT.format(seconds=self._silence), silent=True) from None
        except ConnectionError:
            # The reply that explains it, if there was one, is still to be read.
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
        except ConnectionError:
            octets = b""
        if not octets:
            raise AttemptError(DROPPED)
        return octets
