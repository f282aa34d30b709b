"""One connection to the server: octets out exactly as given, replies in exactly as they came.

Not on aiosmtplib: that library gives a reply as one code and stripped text, so a ``240-`` among 250 lines, the blanks
of Exchange's replies and the line ends would be gone before a rule could judge them.

Every wait has a deadline (``Limits``) and every reply a greatest size. Nothing raises for what a server does: each
exchange ends as a ``Step`` that says how. Limits of time are the running loop's, so tests may use any clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
from dataclasses import dataclass

from smtpguard.analyzer.steps import Failure, Name, Step
from smtpguard.analyzer.via import STRAIGHT, Via
from smtpguard.smtp.replies import HELD_REPLY, Reply, ReplyReader

_AT_ONCE = 4096
STEP_SECONDS = 30.0
STEPS_A_PROBE = 4  # so many steps may use up their time before a probe is cut
RUN_SECONDS = 600.0
_TO_CLOSE = 1.0  # seconds; the connection is dropped where a peer takes longer


@dataclass(frozen=True, slots=True)
class Limits:
    """``step``: seconds for one step, all octets of its reply included; ``probe``: for one probe of the path doctor;
    ``run``: for everything together.

    ``reply``: octets of one reply, RFC 5321 4.5.3.1.5 allows 512 a line and an EHLO list has some thirty.
    """

    step: float = STEP_SECONDS
    probe: float = STEP_SECONDS * STEPS_A_PROBE
    run: float = RUN_SECONDS
    reply: int = HELD_REPLY


class Connection:
    """An open connection. Use ``connect``; ``close`` may be called twice."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: Limits) -> None:
        self._reader = reader
        self._writer = writer
        self._limits = limits
        self._ahead = bytearray()  # read, and not yet part of a reply

    @property
    def own_address(self) -> str:
        """This end as an address literal (RFC 5321 4.1.3), which is what EHLO says where no name is sure."""
        host = str(self._writer.get_extra_info("sockname")[0])
        return f"[IPv6:{host}]" if ":" in host else f"[{host}]"

    async def exchange(self, name: Name, *pieces: bytes, pause: float = 0.0) -> Step:
        """Send ``pieces`` (empty: nothing), each ``pause`` seconds behind the one before, and read one reply."""
        sent = b"".join(pieces)
        loop = asyncio.get_running_loop()
        began = loop.time()
        unasked = bytes(self._ahead) if sent else b""
        if sent:
            self._ahead.clear()
        got = bytearray()
        reply: Reply | None = None
        failure: Failure = ""
        detail = ""
        try:
            async with asyncio.timeout(self._limits.step):
                await self._send(pieces, pause)
                reply = await self._reply(got)
                failure = "babbling" if reply is None else "garbled" if reply.code < 0 else ""
        except TimeoutError:
            failure = "silent"
        except EOFError:
            failure, detail = "closed", "before its reply was whole" if got else "without a word"
        except OSError as error:
            failure, detail = "closed", f"({error.strerror or type(error).__name__})"
        return Step(
            name=name,
            sent=sent,
            received=bytes(got),
            code=reply.code if reply is not None and not failure else 0,
            fault=reply.fault if reply is not None else "",
            failure=failure,
            seconds=loop.time() - began,
            unasked=unasked,
            detail=detail,
        )

    async def rest(self, name: Name) -> Step:
        """What comes until the server closes, or for a moment where it does not."""
        got = bytearray(self._ahead)
        self._ahead.clear()
        with contextlib.suppress(TimeoutError, OSError):
            async with asyncio.timeout(min(_TO_CLOSE, self._limits.step)):
                while len(got) <= self._limits.reply and (data := await self._reader.read(_AT_ONCE)):
                    got += data
        return Step(name, received=bytes(got))

    async def start_tls(self, name: Name, context: ssl.SSLContext) -> Step:
        """A TLS handshake as client. What lay there in clear is forgotten: it must not be taken for TLS (RFC 3207)."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        unasked = bytes(self._ahead)
        self._ahead.clear()
        failure: Failure = ""
        detail = ""
        try:
            async with asyncio.timeout(self._limits.step):
                await self._writer.start_tls(context)
        except TimeoutError:
            failure = "silent"
        except ssl.SSLError as error:
            failure, detail = "garbled", f"({error.reason or 'no TLS'})"
        except OSError as error:
            failure, detail = "closed", f"({error.strerror or type(error).__name__})"
        return Step(name, failure=failure, detail=detail, seconds=loop.time() - began, unasked=unasked)

    async def _send(self, pieces: tuple[bytes, ...], pause: float) -> None:
        for number, piece in enumerate(pieces):
            if number and pause:
                await asyncio.sleep(pause)
            if piece:
                self._writer.write(piece)
                await self._writer.drain()

    async def _reply(self, got: bytearray) -> Reply | None:
        """One reply, its octets in ``got`` as they come; None when it is longer than allowed."""
        lines = ReplyReader()
        while True:
            end = self._ahead.find(b"\n") + 1
            if end:
                line = bytes(self._ahead[:end])
                del self._ahead[:end]
                got += line
                if len(got) > self._limits.reply:
                    return None
                reply = lines.feed(line)
                if reply is not None:
                    return reply
                continue
            if len(got) + len(self._ahead) > self._limits.reply:
                got += self._ahead
                return None
            try:
                await self._read()
            except BaseException:
                got += self._ahead  # what came of a line that never ended belongs to this step
                self._ahead.clear()
                raise

    async def _read(self) -> None:
        data = await self._reader.read(_AT_ONCE)
        if not data:
            raise EOFError
        self._ahead += data

    async def close(self) -> None:
        """End the connection, without waiting long for a peer that reads nothing."""
        self._writer.close()
        try:
            async with asyncio.timeout(_TO_CLOSE):
                with contextlib.suppress(OSError):
                    await self._writer.wait_closed()
        except TimeoutError:
            self._writer.transport.abort()


async def connect(host: str, port: int, limits: Limits, via: Via = STRAIGHT) -> tuple[Connection | None, Step]:
    """Resolve ``host`` and connect to the first of its addresses that accepts; the step says what failed."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    failure: Failure
    try:
        async with asyncio.timeout(limits.step):
            reader, writer = await via.connect(host, port, limits.step)
    except TimeoutError:
        failure, detail = "unreachable", f"nothing came back in {limits.step:g} seconds"
    except (socket.gaierror, UnicodeError) as error:
        failure, detail = "unresolved", getattr(error, "strerror", None) or "it is no host name"
    except ConnectionRefusedError:
        failure, detail = "refused", "connection refused"
    except OSError as error:
        # asyncio's own text names the address; the system's words are enough beside the target.
        words = os.strerror(error.errno) if error.errno else str(error)
        failure = "refused" if "refused" in words.lower() else "unreachable"
        detail = words[:1].lower() + words[1:]
    else:
        return Connection(reader, writer, limits), Step("connect", seconds=loop.time() - began)
    return None, Step("connect", failure=failure, seconds=loop.time() - began, detail=detail)
