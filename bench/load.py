"""The near end: clients that send one message over one new connection each, a command at a time.

A client reads a reply before it sends the next command, as a sender without PIPELINING does: that is the conversation
with the most reads and writes a message, the hardest on a relay. Every reply is checked, and so is the number of octets
that the sink says it got: a box that loses something fails the run instead of winning it.
"""

from __future__ import annotations

import asyncio
import time
from typing import cast

from bench.errors import BenchError

_FINAL_DOT = b".\r\n"
_QUIT = b"QUIT\r\n"

Script = tuple[tuple[bytes, bytes], ...]
"""What a client expects and does: the code of the reply that must come, the octets to send when it has."""

_HELLO: Script = ((b"220", b"EHLO load.example\r\n"),)


def idle_script() -> Script:
    """Say EHLO, then nothing."""
    return (*_HELLO, (b"250", b""))


def message_script(text: bytes) -> Script:
    """Send one message; ``text`` is dot-stuffed already and ends in CRLF."""
    return (
        *_HELLO,
        (b"250", b"MAIL FROM:<sender@load.example>\r\n"),
        (b"250", b"RCPT TO:<recipient@sink.example>\r\n"),
        (b"250", b"DATA\r\n"),
        (b"354", text + _FINAL_DOT),
        (b"250", _QUIT),
        (b"221", b""),
    )


class Client(asyncio.Protocol):
    """One connection that follows a script.

    A script that quits sets ``done`` when the connection is closed, to the seconds between the first octet of the text
    and the reply behind it; one that does not, when its last reply has come. Anything
    else that happens is a BenchError.
    """

    def __init__(self, script: Script, done: asyncio.Future[float]) -> None:
        self.script = script
        self.done = done
        self.at = 0
        self.reply = b""
        self.octets = 0
        self.began = self.seconds = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        reply = self.reply + data
        if not _is_complete(reply):
            self.reply = reply
            return
        self.reply = b""
        code, answer = self.script[self.at] if self.at < len(self.script) else (b"", b"")
        if reply[:3] != code:
            self.fail(f"answered {_shown(reply)} where {code.decode() or 'nothing'} was due")
            return
        self.at += 1
        if code == b"354":
            self.octets = len(answer)
            self.began = time.perf_counter()
        elif answer is _QUIT:
            self.seconds = time.perf_counter() - self.began
            if b" %d octets" % self.octets not in reply:
                self.fail(f"passed on something else than the {self.octets} octets sent: {_shown(reply)}")
                return
        if answer:
            self.transport.write(answer)
        elif code == b"250":
            self.done.set_result(0.0)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.done.done():
            return
        if self.at == len(self.script):
            self.done.set_result(self.seconds)
        else:
            self.done.set_exception(BenchError(f"closed the connection after {self.at} replies"))

    def fail(self, what: str) -> None:
        if not self.done.done():
            self.done.set_exception(BenchError(what))
        self.transport.abort()


async def run_client(port: int, script: Script) -> tuple[float, asyncio.Transport]:
    """Follow ``script`` over one new connection to ``port``; return what ``Client.done`` got, and the transport."""
    loop = asyncio.get_running_loop()
    client = Client(script, loop.create_future())
    transport, _ = await loop.create_connection(lambda: client, "127.0.0.1", port)
    try:
        return await client.done, transport
    except BaseException:
        transport.abort()
        raise


async def send_messages(port: int, script: Script, count: int, concurrency: int, limit: float) -> list[float]:
    """Send ``count`` messages over as many connections, ``concurrency`` at a time.

    Returns the seconds of each message's text. Raises BenchError when a box answers wrong, refuses the connection, or
    is not done within ``limit`` seconds.
    """
    seconds: list[float] = []

    async def worker(share: int) -> None:
        for _ in range(share):
            taken, _ = await run_client(port, script)
            seconds.append(taken)

    shares = [count // concurrency + (number < count % concurrency) for number in range(concurrency)]
    try:
        async with asyncio.timeout(limit), asyncio.TaskGroup() as workers:
            for share in shares:
                workers.create_task(worker(share))
    except TimeoutError:
        raise BenchError(f"was not done with {count} messages after {limit:g} s") from None
    except ExceptionGroup as group:
        raise BenchError(str(group.exceptions[0])) from None
    return seconds


def _is_complete(reply: bytes) -> bool:
    last = reply.rfind(b"\n", 0, -1) + 1
    return reply.endswith(b"\n") and reply[last + 3 : last + 4] == b" "


def _shown(reply: bytes) -> str:
    return repr(reply[:80].decode("latin-1"))
