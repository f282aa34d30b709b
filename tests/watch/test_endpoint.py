"""The endpoint: what a decent peer gets, and what the others cost."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import pytest

from smtpguard.watch import endpoint as module
from smtpguard.watch.endpoint import MAX_CONNECTIONS, Answer, Endpoint
from tests.relay.hosts import LOOPS, on, run


@pytest.fixture(autouse=True, params=LOOPS)
def _loop(request: pytest.FixtureRequest) -> object:
    with on(request.param):
        yield


async def _answer(path: str) -> Answer:
    if path == "/slow":
        await asyncio.sleep(3600)
    return Answer(HTTPStatus.OK, path.encode())


def with_endpoint(test: Callable[[Endpoint], Awaitable[None]]) -> None:
    async def whole() -> None:
        endpoint = Endpoint(_answer)
        await endpoint.start("127.0.0.1", 0)
        try:
            await test(endpoint)
        finally:
            await endpoint.stop()

    run(whole())


async def ask(endpoint: Endpoint, octets: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
    try:
        writer.write(octets)
        return await reader.read()
    finally:
        writer.transport.abort()


@pytest.mark.parametrize(
    ("request_line", "status", "body"),
    [
        (b"GET /metrics HTTP/1.1", b"200 OK", b"/metrics"),
        (b"GET /metrics?a=b HTTP/1.0", b"200 OK", b"/metrics"),
        (b"HEAD /metrics HTTP/1.1", b"200 OK", b""),
        (b"POST /metrics HTTP/1.1", b"405 Method Not Allowed", b"GET and HEAD only\n"),
        (b"EHLO client.example", b"400 Bad Request", b"no request\n"),
        (b"GET http://elsewhere/ HTTP/1.1", b"400 Bad Request", b"no request\n"),
        (b"GET / HTTP/2", b"400 Bad Request", b"no request\n"),
        (b"\0\xff /\x80 \r", b"400 Bad Request", b"no request\n"),
    ],
)
def test_requests(request_line: bytes, status: bytes, body: bytes) -> None:
    async def test(endpoint: Endpoint) -> None:
        answer = await ask(endpoint, request_line + b"\r\nHost: guard\r\n\r\n")
        head, _, rest = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 " + status + b"\r\n")
        assert rest == body
        assert b"Connection: close" in head

    with_endpoint(test)


def test_a_head_without_end_is_refused() -> None:
    async def test(endpoint: Endpoint) -> None:
        answer = await ask(endpoint, b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 20_000)
        assert answer.startswith(b"HTTP/1.1 431 ")

    with_endpoint(test)


def test_half_a_request() -> None:
    async def test(endpoint: Endpoint) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        writer.write(b"GET /metr")
        writer.write_eof()
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        writer.transport.abort()

    with_endpoint(test)


def test_who_says_nothing_is_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.1)

    async def test(endpoint: Endpoint) -> None:
        with pytest.raises(ConnectionResetError):
            await silent(endpoint)
        assert (await ask(endpoint, b"GET /a HTTP/1.1\r\n\r\n")).endswith(b"/a")

    async def silent(endpoint: Endpoint) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        try:
            if not await reader.read():
                raise ConnectionResetError
        finally:
            writer.transport.abort()

    with_endpoint(test)


def test_the_places_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 1.0)

    async def test(endpoint: Endpoint) -> None:
        many = [await asyncio.open_connection("127.0.0.1", endpoint.port) for _ in range(MAX_CONNECTIONS)]
        await asyncio.sleep(0)
        for _, writer in many:
            writer.write(b"GET /slow HTTP/1.1\r\n\r\n")
        answer = b""
        with contextlib.suppress(ConnectionError):
            answer = await ask(endpoint, b"GET / HTTP/1.1\r\n\r\n")
        assert answer == b""
        for _, writer in many:
            writer.transport.abort()
        while not answer:
            try:
                answer = await ask(endpoint, b"GET / HTTP/1.1\r\n\r\n")
            except ConnectionError:
                await asyncio.sleep(0.01)
        assert answer.endswith(b"/")

    with_endpoint(test)


def test_a_taken_port_is_an_oserror() -> None:
    async def test(endpoint: Endpoint) -> None:
        with pytest.raises(OSError, match="in use"):
            await Endpoint(_answer).start("127.0.0.1", endpoint.port)

    with_endpoint(test)


def test_stop_ends_what_is_under_way() -> None:
    async def test(endpoint: Endpoint) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", endpoint.port)
        writer.write(b"GET /slow HTTP/1.1\r\n\r\n")
        await asyncio.sleep(0.05)
        await endpoint.stop()
        with contextlib.suppress(ConnectionError):
            assert await reader.read() == b""
        writer.transport.abort()

    with_endpoint(test)
