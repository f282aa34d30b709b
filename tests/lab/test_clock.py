"""The clock that jumps: days in no time, and never past octets that are under way."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from smtpguard.lab.clock import DeadlockError, run_virtual

DAYS = 2 * 86_400


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


async def listening() -> tuple[asyncio.Server, int]:
    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    return server, server.sockets[0].getsockname()[1]


def test_two_days_pass_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(DAYS)
        return asyncio.get_running_loop().time()

    began = time.monotonic()
    assert run_virtual(main) == DAYS
    assert time.monotonic() - began < 60


def test_the_clock_begins_at_zero_and_stands_still_while_there_is_work() -> None:
    async def main() -> list[float]:
        loop = asyncio.get_running_loop()
        moments = [loop.time()]
        for _ in range(50):
            await asyncio.sleep(0)
        moments.append(loop.time())
        return moments

    assert run_virtual(main) == [0.0, 0.0]


def test_timers_fire_in_order_and_each_at_its_own_moment() -> None:
    async def main() -> list[tuple[str, float]]:
        loop = asyncio.get_running_loop()
        seen: list[tuple[str, float]] = []

        async def at(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append((name, loop.time()))

        await asyncio.gather(at("late", 43_200), at("early", 0.5), at("middle", 600))
        return seen

    assert run_virtual(main) == [("early", 0.5), ("middle", 600.0), ("late", 43_200.0)]


def test_no_jump_while_octets_are_under_way() -> None:
    async def main() -> float:
        server, port = await listening()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(500):
            async with asyncio.timeout(0.001):  # any jump at all would end this
                writer.write(b"ping")
                assert await reader.readexactly(4) == b"ping"
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return asyncio.get_running_loop().time()

    assert run_virtual(main) == 0.0


def test_no_jump_while_a_connection_is_being_made() -> None:
    async def main() -> float:
        server, port = await listening()
        for _ in range(50):
            async with asyncio.timeout(0.001):
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write_eof()
                assert await reader.read() == b""
            writer.close()
            await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return asyncio.get_running_loop().time()

    assert run_virtual(main) == 0.0


def test_a_large_body_crosses_without_a_jump() -> None:
    body = bytes(range(256)) * 16_384

    async def main() -> float:
        server, port = await listening()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def push() -> None:
            writer.write(body)
            await writer.drain()

        async with asyncio.timeout(0.001):
            _, back = await asyncio.gather(push(), reader.readexactly(len(body)))
        assert back == body
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return asyncio.get_running_loop().time()

    assert run_virtual(main) == 0.0


def test_silence_is_what_makes_it_jump() -> None:
    async def main() -> float:
        server, port = await listening()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(600):
                await reader.read(1)
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        return asyncio.get_running_loop().time()

    assert run_virtual(main) == 600.0


def test_a_wait_that_could_never_end_is_an_error() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(DeadlockError, match="no timer is set"):
        run_virtual(main)


def test_errors_of_the_coroutine_pass_through() -> None:
    async def main() -> None:
        await asyncio.sleep(1)
        raise ValueError("from inside")

    with pytest.raises(ValueError, match="from inside"):
        run_virtual(main)


def test_an_octet_that_a_busy_machine_delivers_late_is_waited_for() -> None:
    """Without a timer there is no time to jump over, and so no reason to give up at once."""
    near, far = socket.socketpair()

    async def main() -> bytes:
        reader, writer = await asyncio.open_connection(sock=near)
        threading.Timer(0.1, far.sendall, [b"x"]).start()
        try:
            return await reader.readexactly(1)
        finally:
            writer.close()
            await writer.wait_closed()

    try:
        assert run_virtual(main) == b"x"
    finally:
        far.close()


def test_patience_waits_for_an_octet_before_a_long_jump() -> None:
    near, far = socket.socketpair()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        near.setblocking(False)
        threading.Timer(0.03, far.sendall, [b"x"]).start()
        async with asyncio.timeout(600):
            assert await loop.sock_recv(near, 1) == b"x"
        return loop.time()

    try:
        assert run_virtual(main, patience=0.5) == 0
    finally:
        near.close()
        far.close()
