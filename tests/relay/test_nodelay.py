"""Small packets leave at once on both legs: the loops set TCP_NODELAY, and this holds them to it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvloop

from smtpguard.relay import session as relay_session
from smtpguard.relay.connection import Connection
from tests.relay.hosts import client, guard, ordinary, server


@pytest.mark.parametrize("make_loop", [asyncio.SelectorEventLoop, uvloop.new_event_loop])
def test_both_connections_have_no_delay(
    make_loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    class Watched(Connection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            sock = transport.get_extra_info("socket")
            seen.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    monkeypatch.setattr(relay_session, "Connection", Watched)

    async def test() -> None:
        async with asyncio.timeout(20), server(ordinary) as upstream, guard(upstream) as box:
            async with client(box) as (reader, _):
                assert await reader.readline() == b"220 mx ESMTP\r\n"

    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(test())
    assert len(seen) == 2
    assert all(seen)
