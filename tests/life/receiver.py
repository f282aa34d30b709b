"""A fast SMTP server that writes down what it takes before it says 250: python -m tests.life.receiver PORT FILE

Each message has a number and a digest of its text in its subject; a line of the file is the number, or ``bad`` where
the digest does not fit. The line is written before the reply, so a process that is killed has lost nothing that it
acknowledged (a machine that is switched off might have: nothing is synced).
"""

from __future__ import annotations

import asyncio
import os
import sys
from hashlib import sha1
from typing import cast

import uvloop

_END = b"\r\n.\r\n"


def text_of(number: int, body: bytes) -> bytes:
    """A message: what a client sends behind 354, its end included."""
    digest = sha1(body, usedforsecurity=False).hexdigest()
    return b"Subject: %d %s\r\n\r\n%s" % (number, digest.encode(), body) + _END


def number_of(text: bytes) -> str:
    """The number of a message that arrived whole, else ``bad``; ``text`` is without its end."""
    head, _, body = text.partition(b"\r\n\r\n")
    words = head.split(b" ")
    if len(words) != 3 or sha1(body, usedforsecurity=False).hexdigest().encode() != words[2]:
        return "bad"
    return words[1].decode()


class _Session(asyncio.Protocol):
    def __init__(self, log: int) -> None:
        self._log = log
        self._octets = b""
        self._in_text = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(b"220 receiver.example ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        self._octets += data
        replies = b""
        while self._octets:
            if self._in_text:
                text, end, rest = self._octets.partition(_END)
                if not end:
                    break
                os.write(self._log, number_of(text).encode() + b"\n")
                self._in_text, self._octets = False, rest
                replies += b"250 taken\r\n"
                continue
            line, end, rest = self._octets.partition(b"\n")
            if not end:
                break
            self._octets = rest
            verb = line[:4]
            if verb == b"DATA":
                self._in_text = True
                replies += b"354 go on\r\n"
            elif verb == b"EHLO":
                replies += b"250-receiver.example\r\n250-PIPELINING\r\n250 XEXCH50\r\n"
            elif verb == b"QUIT":
                self._transport.write(replies + b"221 bye\r\n")
                self._transport.close()
                return
            else:
                replies += b"250 ok\r\n"
        if replies:
            self._transport.write(replies)


async def _serve(port: int, path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    server = await asyncio.get_running_loop().create_server(lambda: _Session(log), "127.0.0.1", port, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), sys.argv[2]))
