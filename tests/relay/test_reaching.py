"""A server is tried before mail depends on it, and what is wrong is one line."""

from __future__ import annotations

import asyncio

import pytest

from smtpguard.relay.reaching import UnreachableError, reach
from tests.real.private_server import free_port


def test_a_server_that_accepts_is_hung_up_on() -> None:
    async def test() -> bytes:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            heard.set_result(await reader.read())
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            await reach(server.sockets[0].getsockname(), "--upstream")
            return await asyncio.wait_for(heard, 10)

    assert asyncio.run(test()) == b""


def test_nobody_is_there() -> None:
    port = free_port()
    with pytest.raises(UnreachableError) as caught:
        asyncio.run(reach(("127.0.0.1", port), "--upstream"))
    assert str(caught.value) == f"--upstream 127.0.0.1:{port}: Connection refused; is the server running there?"


def test_no_name_of_a_host() -> None:
    with pytest.raises(UnreachableError, match=r"^--receiver .*:25: .* is no host name$"):
        asyncio.run(reach(("a" * 64 + ".example", 25), "--receiver"))
