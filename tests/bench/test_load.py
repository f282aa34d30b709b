"""The load must notice a box that wins by doing less."""

from __future__ import annotations

import asyncio

import pytest

from bench.errors import BenchError
from bench.load import message_script, send_messages
from bench.sink import Sink

_SCRIPT = message_script(b"Subject: x\r\n\r\nprecious\r\n")


class Losing(Sink):
    def data_received(self, data: bytes) -> None:
        super().data_received(data.replace(b"precious", b"preciou"))


class Refusing(Sink):
    def data_received(self, data: bytes) -> None:
        self.transport.write(b"554 5.7.1 No\r\n")


class Hanging(Sink):
    def data_received(self, data: bytes) -> None:
        """Say nothing."""


class Leaving(Sink):
    def data_received(self, data: bytes) -> None:
        self.transport.close()


async def _sent(protocol: type[Sink], limit: float) -> list[float]:
    sessions: list[Sink] = []

    def session() -> Sink:
        sessions.append(protocol())
        return sessions[-1]

    server = await asyncio.get_running_loop().create_server(session, "127.0.0.1", 0)
    try:
        async with server:
            return await send_messages(server.sockets[0].getsockname()[1], _SCRIPT, count=5, concurrency=2, limit=limit)
    finally:
        for one in sessions:
            one.transport.abort()


def test_every_message_is_timed() -> None:
    seconds = asyncio.run(_sent(Sink, 10.0))
    assert len(seconds) == 5
    assert all(0 < taken < 10 for taken in seconds)


@pytest.mark.parametrize(
    ("protocol", "limit", "word"),
    [
        (Losing, 10.0, "something else than the"),
        (Refusing, 10.0, "554 5.7.1 No"),
        (Leaving, 10.0, "closed the connection after 1 replies"),
        (Hanging, 0.1, "not done with 5 messages"),
    ],
)
def test_a_box_that_misbehaves_fails_the_run(protocol: type[Sink], limit: float, word: str) -> None:
    with pytest.raises(BenchError, match=word):
        asyncio.run(_sent(protocol, limit))
