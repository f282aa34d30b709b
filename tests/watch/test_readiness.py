"""Ready means: not stopping, and a server that answers. The pages say so in a status and a line."""

from __future__ import annotations

import asyncio
import socket
from http import HTTPStatus

from smtpguard.watch.metrics import Metrics
from smtpguard.watch.pages import Pages
from smtpguard.watch.readiness import Readiness, probe
from tests.relay.hosts import ordinary, run, server


def nobody() -> tuple[str, int]:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return closed.getsockname()[:2]


def test_a_server_that_greets_is_ready_and_is_asked_once() -> None:
    async def test() -> None:
        said: list[bytes] = []

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            said.append(await reader.readline())
            writer.write(b"221 bye\r\n")

        async with server(talk) as upstream:
            readiness = Readiness(upstream)
            assert await asyncio.gather(*(readiness.reason() for _ in range(5))) == [""] * 5
            assert said == [b"QUIT\r\n"]
            readiness.stopping = True
            assert await readiness.reason() == "the guard is stopping"

    run(test())


def test_a_server_that_is_not_there_or_does_not_greet() -> None:
    async def test() -> None:
        async def full(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"421 too busy\r\n")
            await reader.read()

        async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"2" * 100_000)
            await reader.read()

        assert "refused" in (await probe(*nobody(), greets=True)).lower()
        assert await probe("." * 300, 25, greets=True) != ""
        async with server(full) as upstream:
            assert await probe(*upstream, greets=True) == "the upstream does not greet with 220"
        async with server(endless) as upstream:
            assert await probe(*upstream, greets=True) != ""
        async with server(silent) as upstream:
            assert await probe(*upstream, greets=True, seconds=0.1) == "the upstream does not answer in 0.1 s"
            assert await probe(*upstream, greets=False) == ""

    run(test())


def test_without_a_fixed_upstream_nobody_is_asked() -> None:
    async def test() -> None:
        assert await Readiness(None).reason() == ""

    run(test())


def test_the_pages() -> None:
    async def test() -> None:
        ill = ""
        metrics = Metrics()
        async with server(ordinary) as upstream:
            good = Pages(metrics, Readiness(upstream), lambda: None, lambda: ill)
            assert (await good.answer("/readyz"))[:2] == (HTTPStatus.OK, b"ok\n")
            assert (await good.answer("/healthz")).status == HTTPStatus.OK
            assert b"smtpguard_ready 1.0" in (await good.answer("/metrics")).body
            ill = "no worker runs"
            assert (await good.answer("/healthz"))[:2] == (HTTPStatus.SERVICE_UNAVAILABLE, b"no worker runs\n")
            assert (await good.answer("/else")).status == HTTPStatus.NOT_FOUND
        bad = Pages(metrics, Readiness(nobody()), lambda: None, lambda: "")
        assert (await bad.answer("/readyz")).status == HTTPStatus.SERVICE_UNAVAILABLE
        assert (await bad.answer("/healthz")).status == HTTPStatus.OK
        assert b"smtpguard_ready 0.0" in (await bad.answer("/metrics")).body

    run(test())
