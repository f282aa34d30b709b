"""The sender's resolver: MX and A questions over a real UDP socket, on whichever clock the loop has.

An answer counts when it comes from the server asked and bears the question's id and name. Time-out and tries are ours.
Asks anew each time: the lab's sender keeps no cache. No CNAME, no AAAA, no TCP.
"""

# dnslib has no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import asyncio
import random
from typing import cast

from dnslib import QTYPE, RCODE, DNSError, DNSHeader, DNSQuestion, DNSRecord

from smtpguard.lab.dns.mx import Exchanger

TIMEOUT = 5.0  # seconds for one try
TRIES = 2


class NoSuchDomainError(Exception):
    """The server says NXDOMAIN: the name does not exist."""


class LookupFailedError(Exception):
    """No usable answer now; ``str()`` says why."""


class Resolver:
    """``server``: address and port; ``rng`` gives the ids of questions and the order among equal preferences."""

    def __init__(self, server: tuple[str, int], rng: random.Random) -> None:
        self._server = server
        self._rng = rng

    async def exchangers(self, domain: str) -> tuple[tuple[Exchanger, ...], str]:
        """The exchangers of ``domain`` in the order to try them, and the record type that named them.

        Without MX records the domain's own address makes it its only exchanger (RFC 5321 5.1); empty without either.
        """
        answer = await self._ask(domain, "MX")
        rows = [Exchanger(preference=rdata.preference, host=_name(rdata.label)) for rdata in _data(answer, QTYPE.MX)]
        if rows:
            # RFC 5321 5.1: equals in random order, so that load spreads; sorted first, the seed alone decides.
            rows.sort(key=lambda row: row.host)
            self._rng.shuffle(rows)
            rows.sort(key=lambda row: row.preference)
            return tuple(rows), "MX"
        if await self.addresses(domain):
            return (Exchanger(preference=0, host=domain),), "A"
        return (), ""

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The IPv4 addresses of ``host``, in the order of the answer."""
        return tuple(str(rdata) for rdata in _data(await self._ask(host, "A"), QTYPE.A))

    async def _ask(self, name: str, kind: str) -> DNSRecord:
        question = DNSRecord(DNSHeader(id=self._rng.getrandbits(16), rd=1), q=DNSQuestion(name, getattr(QTYPE, kind)))
        for _ in range(TRIES):
            try:
                answer = await self._try(question)
                break
            except TimeoutError:
                continue
            except OSError as error:
                raise LookupFailedError(error.strerror or str(error)) from None
        else:
            raise LookupFailedError("no answer")
        if answer.header.rcode == RCODE.NXDOMAIN:
            raise NoSuchDomainError(name)
        if answer.header.rcode != RCODE.NOERROR:
            raise LookupFailedError(str(RCODE.get(answer.header.rcode)))
        return answer

    async def _try(self, question: DNSRecord) -> DNSRecord:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[DNSRecord] = loop.create_future()
        closed: asyncio.Future[None] = loop.create_future()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Asking(question, answered, closed), remote_addr=self._server
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                return await answered
        finally:
            transport.close()
            await closed


class _Asking(asyncio.DatagramProtocol):
    def __init__(self, question: DNSRecord, answered: asyncio.Future[DNSRecord], closed: asyncio.Future[None]) -> None:
        self._question = question
        self._answered = answered
        self._closed = closed

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A cast, since the class of Python 3.11's own transport is no DatagramTransport.
        cast(asyncio.DatagramTransport, transport).sendto(self._question.pack())

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._closed.done():
            self._closed.set_result(None)

    def error_received(self, exc: Exception) -> None:
        if not self._answered.done():
            self._answered.set_exception(exc)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            answer = DNSRecord.parse(data)
        except (DNSError, ValueError):  # ValueError: dnslib, of a CAA record whose tag is no UTF-8
            return
        ours = answer.header.id == self._question.header.id and answer.questions == self._question.questions
        if ours and answer.header.qr and not self._answered.done():
            self._answered.set_result(answer)


def _data(answer: DNSRecord, kind: int) -> list:  # type: ignore[type-arg]  # dnslib has no types
    return [record.rdata for record in answer.rr if record.rtype == kind]


def _name(label: object) -> str:
    return str(label).rstrip(".")
