"""The lab's DNS server: real questions and answers over UDP on 127.0.0.1, from zones that a scenario gives.

It answers MX and A; other types get an answer without records. No EDNS and no TCP: an answer is sent whole, however
long. A packet that is no question is dropped.
"""

# dnslib has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
from typing import cast

from dnslib import MX, QTYPE, RCODE, RR, A, DNSError, DNSRecord

from smtpguard.lab.dns.zones import Zones
from smtpguard.lab.errors import LabError

LOOPBACK = "127.0.0.1"


class DnsServer:
    """``host`` and ``port`` say where it listens; port 0 picks a free one."""

    def __init__(self, zones: Zones, host: str = LOOPBACK, port: int = 0) -> None:
        self._zones = zones
        self._host = host
        self._port = port
        self._transport: asyncio.DatagramTransport | None = None
        self._closed: asyncio.Future[None] | None = None

    async def start(self) -> None:
        """Listen; raises ``LabError`` when the port is taken."""
        loop = asyncio.get_running_loop()
        self._closed = closed = loop.create_future()
        try:
            self._transport, _ = await loop.create_datagram_endpoint(
                lambda: _Answering(self._zones, closed), local_addr=(self._host, self._port)
            )
        except OSError as error:
            place = f"{self._host}:{self._port}"
            raise LabError(f"DNS: {place} can't be listened on ({error.strerror}); give another port") from None

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens; only after ``start``."""
        if self._transport is None:
            raise RuntimeError("the DNS server does not listen")
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    async def stop(self) -> None:
        """Stop listening and wait until the socket is closed."""
        if self._transport is not None and self._closed is not None:
            self._transport.close()
            await self._closed
            self._transport = None


class _Answering(asyncio.DatagramProtocol):
    def __init__(self, zones: Zones, closed: asyncio.Future[None]) -> None:
        self._zones = zones
        self._closed = closed
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, since the class of Python 3.11's own transport is no DatagramTransport.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            question = DNSRecord.parse(data)
        except (DNSError, ValueError):  # ValueError: dnslib, of a CAA record whose tag is no UTF-8
            return
        if question.header.qr or not question.questions or self._transport is None:
            return
        answer = answer_to(question, self._zones)
        if answer is not None:
            self._transport.sendto(answer.pack(), addr)


def answer_to(question: DNSRecord, zones: Zones) -> DNSRecord | None:
    """What ``zones`` say to ``question``; None for a name that is silent."""
    asked = question.questions[0]
    name = str(asked.qname).lower().rstrip(".")
    answer: DNSRecord = question.reply(ra=0, aa=1)
    if name in zones.silent:
        return None
    if name in zones.servfail:
        answer.header.rcode = RCODE.SERVFAIL
        return answer
    if name not in zones.mx and name not in zones.a:
        answer.header.rcode = RCODE.NXDOMAIN
        return answer
    if asked.qtype == QTYPE.MX:
        for row in zones.mx.get(name, ()):
            answer.add_answer(RR(asked.qname, QTYPE.MX, ttl=zones.ttl, rdata=MX(row.host, row.preference)))
    if asked.qtype == QTYPE.A:
        for address in zones.a.get(name, ()):
            answer.add_answer(RR(asked.qname, QTYPE.A, ttl=zones.ttl, rdata=A(address)))
    return answer
