"""Which hosts take the mail, and at which addresses: what a sender finds out before it connects (RFC 5321 5.1).

A name is looked up as a sender would look up a mail domain: its MX in the order of preference, and the name's own
addresses where it has none. ``[name]`` is a host whatever MX it has, as in the relay settings of Postfix; so is a name
without a dot. DNS is asked through dnspython, from the servers of the system's configuration or from the one given. A
host without MX also goes through the system's own files, unless a server was given.

Nothing raises for what DNS says or does not say: a ``Route`` tells it. Every question has the time of one step.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from dataclasses import dataclass, replace
from typing import Any, Literal

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver

from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.steps import Failure
from smtpguard.analyzer.target import Target

MOST_EXCHANGERS = 10  # ours: the ones of the lowest preference; a sender comes no further either
MOST_ADDRESSES = 4  # ours, of one host


@dataclass(frozen=True, slots=True)
class Exchanger:
    """A host that takes the mail. ``preference`` is None where no MX named it; ``problem``: why it can't be used."""

    host: str
    preference: int | None = None
    addresses: tuple[str, ...] = ()
    problem: str = ""

    @property
    def title(self) -> str:
        """Preference and name, as an MX record has them."""
        return self.host if self.preference is None else f"{self.preference} {self.host}"


@dataclass(frozen=True, slots=True)
class Route:
    """The way to ``name``: found by its ``mx``, as a ``host``, or given as an ``address``. ``failure``: there is none.

    ``tested``: the exchanger that took the connection, empty before.
    """

    name: str
    by: Literal["mx", "host", "address"]
    exchangers: tuple[Exchanger, ...] = ()
    failure: Failure = ""
    detail: str = ""
    tested: str = ""

    @property
    def targets(self) -> tuple[tuple[Exchanger, str], ...]:
        """Each exchanger with each of its addresses, in the order in which a sender tries them."""
        return tuple((one, address) for one in self.exchangers for address in one.addresses)

    def of(self, target: Target, exchanger: Exchanger, address: str) -> Target:
        """``target`` at one of the places; a recipient without a domain gets the one that was looked up."""
        recipient = target.recipient
        if self.by == "mx" and "@" not in recipient:
            recipient = f"{recipient}@{self.name}"
        return replace(target, host=exchanger.host, address=address, recipient=recipient)

    def without(self, exchanger: Exchanger, address: str, problem: str) -> Route:
        """The same way with what went wrong at one of the addresses of ``exchanger``."""
        told = f"[{address}] {problem}"
        now = tuple(
            replace(one, problem=f"{one.problem}; {told}" if one.problem else told)
            if one.host == exchanger.host
            else one
            for one in self.exchangers
        )
        return replace(self, exchangers=now)


class _NoAnswerError(Exception):
    """DNS could not be asked; ``str()`` says why."""


async def find_route(target: Target, limits: Limits, server: tuple[str, int] | None = None) -> Route:
    """The way to ``target``; ``server`` is the DNS server to ask, address and port, instead of the system's."""
    name = target.host
    if _is_address(name):
        return Route(name, "address", (Exchanger(name, addresses=(name,)),))
    try:
        ask = _Questions(limits.step, server)
        if target.host_only or "." not in name.strip("."):
            return await _as_host(name, ask)
        return await _as_domain(name, ask)
    except _NoAnswerError as error:
        return Route(name, "mx", failure="no-dns", detail=str(error))


async def _as_domain(name: str, ask: _Questions) -> Route:
    rows = await ask.exchangers(name)
    if not rows:
        return await _as_host(name, ask)
    named = [row for row in rows if row[1]]  # a dot beside other MX is no null MX: RFC 7505 3
    if not named:
        return Route(name, "mx", failure="null-mx", detail=f"the MX of {name} is a single dot")
    chosen = named[:MOST_EXCHANGERS]
    exchangers = tuple(await asyncio.gather(*(_exchanger(ask, *row) for row in chosen)))
    if not any(one.addresses for one in exchangers):
        told = "; ".join(f"{one.title}: {one.problem}" for one in exchangers)
        return Route(name, "mx", exchangers, "unresolved", f"no MX of {name} has an address ({told})")
    return Route(name, "mx", exchangers)


async def _exchanger(ask: _Questions, preference: int, host: str) -> Exchanger:
    try:
        addresses = await ask.addresses(host)
    except _NoAnswerError as error:
        return Exchanger(host, preference, problem=str(error))
    return Exchanger(host, preference, addresses, "" if addresses else "DNS has no address for it")


async def _as_host(name: str, ask: _Questions) -> Route:
    addresses, why = await ask.host(name)
    if not addresses:
        return Route(name, "host", failure="unresolved", detail=why)
    return Route(name, "host", (Exchanger(name, addresses=addresses),))


class _Questions:
    """Questions to one resolver, each within ``seconds``."""

    def __init__(self, seconds: float, server: tuple[str, int] | None) -> None:
        self._seconds = seconds
        self._by_system = server is None
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=server is None)
        except (dns.resolver.NoResolverConfiguration, OSError):
            raise _NoAnswerError("this system has no DNS server in its configuration") from None
        if server is not None:
            self._resolver.nameservers = [server[0]]
            self._resolver.port = server[1]
        self._resolver.lifetime = seconds

    async def exchangers(self, name: str) -> list[tuple[int, str]]:
        """The MX of ``name``, lowest preference first; none where it has none or DNS does not know it."""
        rows = await self._ask(name, "MX")
        return sorted((row.preference, row.exchange.to_text(omit_final_dot=True).strip(".")) for row in rows)

    async def addresses(self, host: str) -> tuple[str, ...]:
        """The addresses that DNS has for ``host``, IPv6 first; raises where it has none for want of an answer."""
        found = await asyncio.gather(*(self._ask(host, kind) for kind in ("AAAA", "A")), return_exceptions=True)
        addresses = tuple(row.address for rows in found if isinstance(rows, list) for row in rows)
        failed = next((one for one in found if isinstance(one, BaseException)), None)
        if failed is not None and not addresses:
            raise failed
        return addresses[:MOST_ADDRESSES]

    async def host(self, name: str) -> tuple[tuple[str, ...], str]:
        """The addresses of a host, and why it has none."""
        if not self._by_system:
            return await self.addresses(name), f"DNS has no address for {name}"
        try:
            async with asyncio.timeout(self._seconds):
                rows = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except TimeoutError:
            raise _NoAnswerError(f"no answer about {name} in {self._seconds:g} seconds") from None
        except (OSError, UnicodeError) as error:
            return (), getattr(error, "strerror", None) or "it is no host name"
        return tuple(dict.fromkeys(str(row[4][0]) for row in rows))[:MOST_ADDRESSES], ""

    async def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._resolver.resolve(name, kind, raise_on_no_answer=False)
        except dns.resolver.NXDOMAIN:
            return []
        except (dns.name.LabelTooLong, dns.name.EmptyLabel, dns.name.NameTooLong, dns.name.BadEscape):
            return []  # it is no name that DNS could have
        except (TimeoutError, dns.exception.Timeout):
            raise _NoAnswerError(f"no answer about {name} ({kind}) in {self._seconds:g} seconds") from None
        except dns.resolver.NoNameservers:
            raise _NoAnswerError(f"the DNS server failed when it was asked about {name} ({kind})") from None
        except (dns.exception.DNSException, OSError) as error:
            raise _NoAnswerError(f"{name} ({kind}): {type(error).__name__}") from None
        return list(answer.rrset or ())


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
