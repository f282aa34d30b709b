"""The yardstick: a uvloop relay that looks at nothing. ``python -m bench.bare_relay --upstream PORT``.

It does what any relay must (connect, copy both ways, back-pressure, half-close, TCP_NODELAY, which uvloop sets by
itself) and not one thing more: no deadline, no limit, no record. It says on standard output where it listens.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import cast

import uvloop

from bench.listening import serve_until_stopped


class Half(asyncio.Protocol):
    """One connection of a pair; ``peer`` is the transport of the other."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.peer: asyncio.Transport | None = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.peer.write(data)  # type: ignore[union-attr]

    def pause_writing(self) -> None:
        if self.peer is not None:
            self.peer.pause_reading()

    def resume_writing(self) -> None:
        if self.peer is not None:
            self.peer.resume_reading()

    def eof_received(self) -> bool:
        self.ended = True
        if self.peer is None:
            return False
        if cast(Half, self.peer.get_protocol()).ended:
            self.peer.close()
            return False
        self.peer.write_eof()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        if self.peer is not None:
            self.peer.close()


class Near(Half):
    """The client's half: unread until the upstream answers."""

    def __init__(self, upstream: int) -> None:
        super().__init__()
        self.upstream = upstream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast(asyncio.Transport, transport).pause_reading()
        self.connecting = asyncio.get_running_loop().create_task(self.connect())

    async def connect(self) -> None:
        transport = cast(asyncio.Transport, self.transport)
        far = Half()
        far.peer = transport
        try:
            self.peer, _ = await asyncio.get_running_loop().create_connection(lambda: far, "127.0.0.1", self.upstream)
        except OSError:
            transport.close()
            return
        if transport.is_closing():
            self.peer.close()
        else:
            transport.resume_reading()


def main() -> None:
    """Listen on a free port of 127.0.0.1 until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.bare_relay")
    parser.add_argument("--upstream", type=int, required=True)
    upstream = parser.parse_args().upstream
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve_until_stopped(lambda: Near(upstream)))


if __name__ == "__main__":
    main()
