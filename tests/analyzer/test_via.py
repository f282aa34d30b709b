"""From where the analyzer connects: an address of its own, a SOCKS5 proxy that was written for this test, neither."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from smtpguard.analyzer.analysis import analyze
from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.findings import Analysis
from smtpguard.analyzer.target import Target, TargetError
from smtpguard.analyzer.via import STRAIGHT, Via, read_via
from smtpguard.lab.clock import run_virtual
from tests.analyzer.analyzing import DATE
from tests.lab.hosts import receiving, serving


async def analyzed(port: int, via: Via) -> Analysis:
    target = Target("127.0.0.1", port, message=False)
    return await analyze(target, date=DATE, number="1", limits=Limits(), watch=lambda title, name, step: None, via=via)


def banner_and_hello(analysis: Analysis) -> tuple[bytes, bytes]:
    steps = {step.name: step for step in analysis.sessions["mail acceptance test"]}
    return steps["banner"].received[:24], steps["EHLO"].sent


def socks(asked: list[tuple[str, int]], refuse: int = 0) -> Callable[..., Awaitable[None]]:
    """A SOCKS5 proxy (RFC 1928) without authentication; ``refuse`` is what it answers in place of success."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly((await reader.readexactly(2))[1])
        writer.write(b"\x05\x00")
        assert await reader.readexactly(4) == b"\x05\x01\x00\x01"
        host = ".".join(map(str, await reader.readexactly(4)))
        port = int.from_bytes(await reader.readexactly(2))
        asked.append((host, port))
        writer.write(bytes((5, refuse, 0, 1, 0, 0, 0, 0, 0, 0)))
        if refuse:
            return
        far_reader, far_writer = await asyncio.open_connection(host, port)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    return serve


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_from_another_address_of_this_machine() -> None:
    async def main() -> tuple[bytes, bytes]:
        async with receiving() as host:
            return banner_and_hello(await analyzed(host.port, Via(address="127.0.0.2")))

    assert run_virtual(main) == (b"220 mx1.example.net Micr", b"EHLO [127.0.0.2]\r\n")


def test_through_a_proxy() -> None:
    asked: list[tuple[str, int]] = []

    async def main() -> tuple[int, tuple[bytes, bytes], list[str]]:
        async with receiving() as host, serving(socks(asked)) as port:
            analysis = await analyzed(host.port, Via(proxy=f"socks5://127.0.0.1:{port}"))
            return host.port, banner_and_hello(analysis), [check.verdict.detail for check in analysis.findings]

    port, heard, found = run_virtual(main)
    assert (heard, found) == ((b"220 mx1.example.net Micr", b"EHLO [127.0.0.1]\r\n"), [])
    assert set(asked) == {("127.0.0.1", port)}


@pytest.mark.parametrize("refuse", [1, 5])
def test_a_proxy_that_refuses_is_one_finding(refuse: int) -> None:
    async def main() -> Analysis:
        async with serving(socks([], refuse)) as port:
            return await analyzed(25, Via(proxy=f"socks5://127.0.0.1:{port}"))

    analysis = run_virtual(main)
    assert analysis.exit_status == 3
    assert "through the proxy" in analysis.findings[0].verdict.detail


def test_a_proxy_that_is_not_there_and_an_address_that_is_not_ours() -> None:
    async def main(via: Via) -> int:
        async with receiving() as host:
            return (await analyzed(host.port, via)).exit_status

    for via in (Via(proxy="socks5://127.0.0.1:1"), Via(address="192.0.2.1")):
        assert run_virtual(lambda via=via: main(via)) == 3


@pytest.mark.parametrize(
    ("text", "via"),
    [
        ("192.0.2.7", Via(address="192.0.2.7")),
        ("2001:db8::7", Via(address="2001:db8::7")),
        ("socks5://127.0.0.1:1080", Via(proxy="socks5://127.0.0.1:1080")),
        ("http://proxy.example:3128", Via(proxy="http://proxy.example:3128")),
    ],
)
def test_what_a_way_may_be(text: str, via: Via) -> None:
    assert read_via(text) == via


@pytest.mark.parametrize("text", ["", "eth0", "mx1.example.net", "ftp://proxy:21", "socks5://", "socks5://h:port"])
def test_what_it_may_not_be(text: str) -> None:
    with pytest.raises(TargetError, match="expected"):
        read_via(text)


def test_straight_is_neither() -> None:
    assert (STRAIGHT.address, STRAIGHT.proxy) == ("", "")
