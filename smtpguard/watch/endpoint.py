"""A very small HTTP server for those who look at the guard: GET and HEAD, one request a connection.

    endpoint = Endpoint(answer)
    await endpoint.start("127.0.0.1", 9025)     # raises OSError
    ...
    await endpoint.stop()

``answer`` gets a path and returns status, content type and body. Whatever a peer sends, it costs at most
``MAX_HEAD`` octets, ``SECONDS`` and one of ``MAX_CONNECTIONS`` places; who comes when all are taken is closed at once.
What it is not: anything for the open network. It has no TLS and asks nobody who they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple

SECONDS = 10.0
MAX_HEAD = 8192
MAX_CONNECTIONS = 64

_PLAIN = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What a path holds."""

    status: HTTPStatus
    body: bytes
    content_type: str = _PLAIN


Answering = Callable[[str], Awaitable[Answer]]


class Endpoint:
    """One listener."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """The port that is listened on."""
        if self._server is None:
            raise RuntimeError("the endpoint is not listening")
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError, and UnicodeError for a name that no DNS can hold."""
        self._server = await asyncio.start_server(self._serve, host, port, limit=MAX_HEAD)

    async def stop(self) -> None:
        """Stop listening and end what is under way."""
        if self._server is None:
            return
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None or len(self._tasks) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        self._tasks.add(task)
        try:
            async with asyncio.timeout(SECONDS):
                writer.write(await self._respond(reader))
                await writer.drain()
                writer.write_eof()
                # Until the peer has its answer: closed with octets unread, the kernel would reset the connection.
                while await reader.read(MAX_HEAD):
                    pass
        except (OSError, TimeoutError, asyncio.CancelledError, RuntimeError):
            pass  # the peer is gone, or too slow, or we are stopping: nobody is left to be told
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _respond(self, reader: asyncio.StreamReader) -> bytes:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return _message(Answer(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, b"too much\n"))
        except asyncio.IncompleteReadError:
            return _message(Answer(HTTPStatus.BAD_REQUEST, b"no request\n"))
        words = head.split(b"\r\n", 1)[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/1.") or not words[1].startswith(b"/"):
            return _message(Answer(HTTPStatus.BAD_REQUEST, b"no request\n"))
        method, target, _ = words
        if method not in (b"GET", b"HEAD"):
            return _message(Answer(HTTPStatus.METHOD_NOT_ALLOWED, b"GET and HEAD only\n"))
        path = target.split(b"?", 1)[0].decode("ascii", "replace")
        return _message(await self._answer(path), with_body=method == b"GET")


def _message(answer: Answer, *, with_body: bool = True) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status.value} {answer.status.phrase}\r\n"
        f"Content-Type: {answer.content_type}\r\n"
        f"Content-Length: {len(answer.body)}\r\n"
        "Cache-Control: no-store\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + (answer.body if with_body else b"")
