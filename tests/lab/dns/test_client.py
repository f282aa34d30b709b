"""The resolver against the lab's server, and against answers that are not for it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import pytest
from dnslib import DNSRecord

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dns.client import LookupFailedError, NoSuchDomainError, Resolver
from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.server import DnsServer, answer_to
from smtpguard.lab.dns.zones import Zones

EQUALS = tuple(Exchanger(preference=10, host=f"mx{number}.example.net") for number in range(6))
ZONES = Zones(
    mx={"example.net": (Exchanger(preference=99, host="last.example.net"), *EQUALS)},
    a={"mx1.example.net": ("127.0.0.1", "127.0.0.2"), "plain.example": ("127.0.0.3",)},
    servfail=frozenset({"broken.example"}),
    silent=frozenset({"silent.example"}),
)


def exchangers(domain: str, seed: int = 1) -> tuple[list[str], str, float]:
    """Names in order, the record type behind them, and how long it took."""

    async def main() -> tuple[list[str], str, float]:
        server = DnsServer(ZONES)
        await server.start()
        try:
            found, how = await Resolver(server.address, random.Random(seed)).exchangers(domain)
            return [row.host for row in found], how, asyncio.get_running_loop().time()
        finally:
            await server.stop()

    return run_virtual(main)


def test_preferences_decide_and_the_seed_among_equals() -> None:
    first, how, seconds = exchangers("example.net")
    assert (how, seconds, first[-1]) == ("MX", 0.0, "last.example.net")
    assert sorted(first[:-1]) == [row.host for row in EQUALS]
    assert exchangers("EXAMPLE.net")[0] == first
    assert len({tuple(exchangers("example.net", seed)[0]) for seed in range(4)}) > 1


def test_without_mx_the_address_counts() -> None:
    assert exchangers("plain.example")[:2] == (["plain.example"], "A")


def test_failures() -> None:
    with pytest.raises(NoSuchDomainError):
        exchangers("example.org")
    with pytest.raises(LookupFailedError, match="SERVFAIL"):
        exchangers("broken.example")
    with pytest.raises(LookupFailedError, match="no answer"):
        exchangers("silent.example")


def test_nobody_listens() -> None:
    async def main() -> None:
        server = DnsServer(ZONES)
        await server.start()
        address = server.address
        await server.stop()
        with pytest.raises(LookupFailedError, match="refused"):
            await Resolver(address, random.Random(1)).addresses("mx1.example.net")

    run_virtual(main)


class _Lying(asyncio.DatagramProtocol):
    """Answers each question with what ``distort`` makes of the right answer."""

    def __init__(self, distort: Callable[[DNSRecord], bytes]) -> None:
        self._distort = distort

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = answer_to(DNSRecord.parse(data), ZONES)
        self._transport.sendto(self._distort(answer), addr)  # type: ignore[attr-defined]


def _other_id(answer: DNSRecord) -> bytes:
    answer.header.id ^= 1
    return bytes(answer.pack())


def _other_name(answer: DNSRecord) -> bytes:
    answer.questions[0].qname = "evil.example"
    return bytes(answer.pack())


def _question(answer: DNSRecord) -> bytes:
    answer.header.qr = 0
    return bytes(answer.pack())


@pytest.mark.parametrize("distort", [_other_id, _other_name, _question, lambda answer: b"\x00"])
def test_an_answer_that_is_not_ours_is_not_taken(distort: Callable[[DNSRecord], bytes]) -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Lying(distort), local_addr=("127.0.0.1", 0))
        try:
            with pytest.raises(LookupFailedError, match="no answer"):
                await Resolver(transport.get_extra_info("sockname"), random.Random(1)).addresses("mx1.example.net")
        finally:
            transport.close()
            await asyncio.sleep(0)
        return loop.time()

    assert run_virtual(main) == 10.0
