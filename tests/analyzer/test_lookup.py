"""Where the mail goes: the lab's DNS server over a real socket, and one that answers from a zone file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import pytest
from dnslib import RCODE, RR, DNSRecord

from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.lookup import MOST_ADDRESSES, MOST_EXCHANGERS, Route, find_route
from smtpguard.analyzer.target import Target, read_target
from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.server import DnsServer
from smtpguard.lab.dns.zones import Zones

ZONES = Zones(
    mx={
        "example.net": (
            Exchanger(preference=20, host="mx2.example.net"),
            Exchanger(preference=10, host="mx1.example.net"),
            Exchanger(preference=30, host="gone.example.net"),
            Exchanger(preference=40, host="silent.example.net"),
        ),
        "nowhere.example": (Exchanger(preference=5, host="gone.example.net"),),
    },
    a={
        "mx1.example.net": ("127.0.0.1", "127.0.0.2"),
        "mx2.example.net": ("127.0.0.3",),
        "plain.example": ("127.0.0.4",),
    },
    servfail=frozenset({"broken.example"}),
    silent=frozenset({"silent.example", "silent.example.net"}),
)


class _FromZone(asyncio.DatagramProtocol):
    """Answers with the records of a zone file, and NXDOMAIN for a name that it has not."""

    def __init__(self, zone: str) -> None:
        self._records = RR.fromZone(zone)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, since the class of Python 3.11's own transport is no DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = DNSRecord.parse(data)
        answer = question.reply()
        own = [record for record in self._records if record.rname == question.q.qname]
        answer.header.rcode = RCODE.NOERROR if own else RCODE.NXDOMAIN
        for record in own:
            if record.rtype == question.q.qtype:
                answer.add_answer(record)
        assert self._transport is not None
        self._transport.sendto(answer.pack(), addr)


@asynccontextmanager
async def zone_server(zone: str) -> AsyncIterator[tuple[str, int]]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _FromZone(zone), local_addr=("127.0.0.1", 0))
    try:
        yield transport.get_extra_info("sockname")[:2]
    finally:
        transport.close()
        await asyncio.sleep(0.01)


def route(name: str) -> tuple[Route, float]:
    """The way to ``name`` by the lab's DNS server, and how long it took to find."""

    async def whole() -> tuple[Route, float]:
        server = DnsServer(ZONES)
        await server.start()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await find_route(read_target(name), Limits(step=30), server.address), loop.time() - began
        finally:
            await server.stop()

    return run_virtual(whole)


def by_zone(name: str, zone: str) -> Route:
    async def whole() -> Route:
        async with zone_server(zone) as server:
            return await find_route(Target(name), Limits(step=30), server)

    return run_virtual(whole)


def test_exchangers_in_the_order_of_preference() -> None:
    found, _ = route("Example.net")
    assert (found.by, found.failure) == ("mx", "")
    assert [(one.preference, one.host, one.addresses) for one in found.exchangers] == [
        (10, "mx1.example.net", ("127.0.0.1", "127.0.0.2")),
        (20, "mx2.example.net", ("127.0.0.3",)),
        (30, "gone.example.net", ()),
        (40, "silent.example.net", ()),
    ]
    assert found.exchangers[2].problem == "DNS has no address for it"
    assert found.exchangers[3].problem.startswith("no answer about silent.example.net")
    assert [address for _, address in found.targets] == ["127.0.0.1", "127.0.0.2", "127.0.0.3"]


def test_a_name_without_mx_is_a_host() -> None:
    found, _ = route("plain.example")
    assert (found.by, found.targets[0][1], found.exchangers[0].preference) == ("host", "127.0.0.4", None)


def test_brackets_ask_for_no_mx() -> None:
    found, _ = route("[mx2.example.net]:2525")
    assert (found.by, [address for _, address in found.targets]) == ("host", ["127.0.0.3"])
    domain, _ = route("[example.net]")
    assert (domain.failure, domain.detail) == ("unresolved", "DNS has no address for example.net")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "[::1]:25"])
def test_an_address_is_not_looked_up(address: str) -> None:
    found, seconds = route(address)
    assert (found.by, len(found.targets), seconds) == ("address", 1, 0)


@pytest.mark.parametrize(
    ("name", "failure", "detail", "longest"),
    [
        ("unknown.example", "unresolved", "DNS has no address for unknown.example", 0),
        ("nowhere.example", "unresolved", "no MX of nowhere.example has an address (5 gone.example.net: DNS has no", 0),
        ("broken.example", "no-dns", "the DNS server failed when it was asked about broken.example (MX)", 1),
        ("silent.example", "no-dns", "no answer about silent.example (MX) in 30 seconds", 30),
        ("a..b.example", "unresolved", "DNS has no address for a..b.example", 0),
        (f"{'a' * 64}.example", "unresolved", "DNS has no address for", 0),
        (f"{'a.' * 200}example", "unresolved", "DNS has no address for", 0),
        ("\\.example", "unresolved", "DNS has no address for", 0),
    ],
)
def test_what_can_go_wrong(name: str, failure: str, detail: str, longest: float) -> None:
    found, seconds = route(name)
    assert found.failure == failure
    assert found.detail.startswith(detail)
    assert found.targets == ()
    assert seconds <= longest + 1


def test_no_dns_server_at_all() -> None:
    async def whole() -> Route:
        return await find_route(Target("example.net"), Limits(step=5), ("127.0.0.1", 9))

    found = run_virtual(whole)
    assert found.failure == "no-dns"


def test_the_null_mx() -> None:
    found = by_zone("example.org", "example.org. 60 IN MX 0 .\nexample.org. 60 IN A 127.0.0.1\n")
    assert (found.failure, found.targets) == ("null-mx", ())


def test_a_null_mx_beside_another_is_none() -> None:
    zone = """
example.org. 60 IN MX 0 .
example.org. 60 IN MX 10 mail.example.org.
mail.example.org. 60 IN A 127.0.0.9
"""
    found = by_zone("example.org", zone)
    assert (found.failure, [one.title for one in found.exchangers]) == ("", ["10 mail.example.org"])


def test_ipv6_comes_first() -> None:
    zone = """
example.org. 60 IN MX 10 mail.example.org.
mail.example.org. 60 IN A 127.0.0.9
mail.example.org. 60 IN AAAA ::1
"""
    assert [address for _, address in by_zone("example.org", zone).targets] == ["::1", "127.0.0.9"]


def test_a_zone_without_end_is_cut() -> None:
    rows = [f"example.org. 60 IN MX {number} mx{number}.example.org.\n" for number in range(1, 30)]
    rows += [f"mx{number}.example.org. 60 IN A 127.0.1.{one}\n" for number in range(1, 30) for one in range(1, 8)]
    found = by_zone("example.org", "".join(rows))
    assert [one.preference for one in found.exchangers] == list(range(1, MOST_EXCHANGERS + 1))
    assert {len(one.addresses) for one in found.exchangers} == {MOST_ADDRESSES}


def test_a_recipient_without_a_domain_gets_the_one_that_was_looked_up() -> None:
    found, _ = route("example.net")
    exchanger, address = found.targets[0]
    there = found.of(read_target("example.net:2525"), exchanger, address)
    assert (there.place, there.dial, there.recipient) == ("mx1.example.net:2525", "127.0.0.1", "Postmaster@example.net")
    given = found.of(read_target("example.net", recipient="bob@example.org"), exchanger, address)
    assert given.recipient == "bob@example.org"
