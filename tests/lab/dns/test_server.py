"""The DNS server: answers by name and type, over a real socket."""

from __future__ import annotations

import asyncio

import pytest
from dnslib import QTYPE, RCODE, DNSQuestion, DNSRecord

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.server import DnsServer, answer_to
from smtpguard.lab.dns.zones import Zones
from smtpguard.lab.errors import LabError

ZONES = Zones(
    mx={
        "example.net": (
            Exchanger(preference=20, host="mx2.example.net"),
            Exchanger(preference=10, host="mx1.example.net"),
        )
    },
    a={"mx1.example.net": ("127.0.0.1", "127.0.0.2")},
    servfail=frozenset({"broken.example"}),
    silent=frozenset({"silent.example"}),
)


def answered(name: str, kind: str) -> tuple[str, list[str]]:
    """Response code and data of the answer."""
    answer = answer_to(DNSRecord(q=DNSQuestion(name, getattr(QTYPE, kind))), ZONES)
    assert answer is not None
    parsed = DNSRecord.parse(answer.pack())
    return RCODE[parsed.header.rcode], [str(record.rdata) for record in parsed.rr]


@pytest.mark.parametrize(
    ("name", "kind", "expected"),
    [
        ("Example.NET", "MX", ("NOERROR", ["20 mx2.example.net.", "10 mx1.example.net."])),
        ("mx1.example.net", "A", ("NOERROR", ["127.0.0.1", "127.0.0.2"])),
        ("example.net", "A", ("NOERROR", [])),
        ("mx1.example.net", "MX", ("NOERROR", [])),
        ("mx1.example.net", "AAAA", ("NOERROR", [])),
        ("example.org", "MX", ("NXDOMAIN", [])),
        ("broken.example", "MX", ("SERVFAIL", [])),
    ],
)
def test_answers(name: str, kind: str, expected: tuple[str, list[str]]) -> None:
    assert answered(name, kind) == expected


def test_a_silent_name_is_not_answered() -> None:
    assert answer_to(DNSRecord.question("silent.example", "MX"), ZONES) is None


# A question with a CAA record behind it, whose tag is one octet that is no UTF-8.
_BAD_TAG = bytes(DNSRecord.question("example.net", "MX").pack())[:11] + (
    b"\x01\x07example\x03net\x00\x00\x0f\x00\x01\x00\x01\x01\x00\x01\x00\x00\x00\x00\x00\x03\x00\x01\x80"
)


def test_what_is_no_question_is_dropped() -> None:
    seen: list[bytes] = []
    complaints: list[object] = []

    class Client(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            seen.append(data)

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        server = DnsServer(ZONES)
        await server.start()
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Client, remote_addr=server.address)
        transport.sendto(b"\xff\x00 no DNS")
        transport.sendto(_BAD_TAG)
        transport.sendto(DNSRecord.question("example.net", "MX").reply().pack())
        transport.sendto(DNSRecord.question("example.net", "MX").pack())
        await asyncio.sleep(1)
        transport.close()
        await server.stop()
        await server.stop()

    run_virtual(main)
    assert len(seen) == 1
    assert not complaints


def test_a_port_that_is_taken() -> None:
    async def main() -> None:
        first = DnsServer(ZONES)
        with pytest.raises(RuntimeError, match="does not listen"):
            _ = first.address
        await first.start()
        try:
            with pytest.raises(LabError, match="give another port"):
                await DnsServer(ZONES, *first.address).start()
        finally:
            await first.stop()

    run_virtual(main)
