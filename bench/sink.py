"""The far end: an SMTP server that is as fast as it can be and keeps nothing. ``python -m bench.sink``.

It knows PIPELINING and CHUNKING, answers all commands of one read in one write, and says in its reply how many octets
a message had, so that the load notices a box that loses some. Of a text it looks only at the end of each read: a client
may pipeline no more than ``_WINDOW`` octets behind the final dot. Not a server for anything but measuring.
"""

from __future__ import annotations

import asyncio
from typing import cast

import uvloop

from bench.listening import serve_until_stopped

_END = b"\r\n.\r\n"
_WINDOW = 256

TAKEN = b"250 2.6.0 %d octets\r\n"  # the reply behind a message or chunk
GREETING = b"220 sink.example ESMTP\r\n"

# XEXCH50 is there so that a policy that strips it has something to strip.
EHLO_REPLY = (
    b"250-sink.example Hello\r\n250-SIZE 104857600\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n"
    b"250-8BITMIME\r\n250-CHUNKING\r\n250-XEXCH50\r\n250 OK\r\n"
)
REPLIES = {
    b"EHLO": EHLO_REPLY,
    b"HELO": b"250 sink.example\r\n",
    b"MAIL": b"250 2.1.0 Sender OK\r\n",
    b"RCPT": b"250 2.1.5 Recipient OK\r\n",
    b"DATA": b"354 Start mail input; end with <CRLF>.<CRLF>\r\n",
    b"RSET": b"250 2.0.0 Resetting\r\n",
    b"NOOP": b"250 2.0.0 OK\r\n",
    b"QUIT": b"221 2.0.0 Service closing transmission channel\r\n",
}


class Sink(asyncio.Protocol):
    """One session: a line, dot-ended text or counted octets is what it reads next."""

    def __init__(self) -> None:
        self.line = b""
        self.in_text = False
        self.tail = b""  # the last octets of the text so far, where its end may have begun
        self.chunk = 0  # octets of a BDAT still to come
        self.octets = 0  # of the message so far

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        replies: list[bytes] = []
        while data:
            if self.in_text:
                data = self.read_text(data, replies)
            elif self.chunk:
                data = self.read_chunk(data, replies)
            else:
                data = self.read_line(data, replies)
        if replies:
            self.transport.write(b"".join(replies))
            if replies[-1] is REPLIES[b"QUIT"]:
                self.transport.close()

    def read_text(self, data: bytes, replies: list[bytes]) -> bytes:
        window = self.tail + data if len(data) <= _WINDOW else data[-_WINDOW:]
        end = window.find(_END)
        if end < 0:
            self.tail = window[-len(_END) + 1 :]
            self.octets += len(data)
            return b""
        rest = window[end + len(_END) :]
        self.octets += len(data) - len(rest)
        self.in_text = False
        replies.append(TAKEN % self.octets)
        return rest

    def read_chunk(self, data: bytes, replies: list[bytes]) -> bytes:
        taken = min(self.chunk, len(data))
        self.chunk -= taken
        self.octets += taken
        if not self.chunk:
            replies.append(TAKEN % self.octets)
        return data[taken:]

    def read_line(self, data: bytes, replies: list[bytes]) -> bytes:
        command, end, rest = (self.line + data).partition(b"\r\n")
        self.line = b"" if end else command
        if not end:
            return b""
        verb = command[:4].upper()
        if verb == b"BDAT":
            self.chunk = int(command.split()[1])
            if not self.chunk:
                replies.append(TAKEN % self.octets)
            return rest
        replies.append(REPLIES.get(verb, b"500 5.3.3 Unrecognized command\r\n"))
        if verb in (b"MAIL", b"RSET"):
            self.octets = 0
        elif verb == b"DATA":
            self.in_text, self.tail = True, b"\r\n"
        return rest


def main() -> None:
    """Listen on a free port of 127.0.0.1 until SIGTERM."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_stopped(Sink))


if __name__ == "__main__":
    main()
