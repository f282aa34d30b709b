"""Steps 1 to 3: look the domain up, connect to the first exchanger that answers with a banner of 2xx.

An exchanger that does not accept the connection, says nothing, or refuses in its banner is passed over (RFC 5321 5.1);
when the last one fails, its failure is the attempt's.
"""

from __future__ import annotations

import ipaddress
from typing import Protocol

from smtpguard.lab.capture.tap import Tap
from smtpguard.lab.dns.client import LookupFailedError, NoSuchDomainError, Resolver
from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.events import EventLog
from smtpguard.lab.sender.attempt import Course, RefusedError
from smtpguard.lab.sender.connection import Connection, accepted
from smtpguard.lab.sender.steps import Step
from smtpguard.lab.sender.wire import UNREACHABLE, AttemptError, Wire

# All ours: neither Queue Viewer's words for a failed lookup nor the SMTP service's status were found.
UNRESOLVED = "The remote domain could not be looked up."
NO_SUCH_DOMAIN = "The remote domain does not exist."
NO_EXCHANGER = "The remote domain has no mail exchanger."
NO_ADDRESS = "The mail exchanger has no address."

OURS = ("UNRESOLVED", "NO_SUCH_DOMAIN", "NO_EXCHANGER", "NO_ADDRESS", "BAD_DOMAIN", "NO_ROUTE")

BAD_DOMAIN = "5.1.2"  # RFC 3463: bad destination system address
NO_ROUTE = "5.4.4"  # RFC 3463: unable to route


class Directory(Protocol):
    """Where an exchanger really listens; None for a host that is not there.

    In the lab the port counts and the address is DNS's to say; an address outside the lab (a real server that takes
    the receiver's place) is used as it is.
    """

    def __call__(self, host: str) -> tuple[str, int] | None: ...


class Opening:
    """Opens connections and counts them. ``silence``: seconds without an octet, as in ``Wire``."""

    def __init__(
        self,
        resolver: Resolver,
        directory: Directory,
        events: EventLog,
        silence: float,
        source: str,
        tap: Tap | None,
    ) -> None:
        self._resolver = resolver
        self._directory = directory
        self._events = events
        self._silence = silence
        self._source = source
        self._tap = tap
        self._count = 0

    async def open(self, domain: str, course: Course) -> Connection:
        """A connection whose banner was read. Raises ``AttemptError`` or ``RefusedError``."""
        failure: AttemptError | RefusedError = AttemptError(UNREACHABLE)
        for exchanger in await self._exchangers(domain):
            try:
                addresses = await self._addresses(exchanger)
            except AttemptError as unknown:
                failure = unknown
                addresses = ()
                self._pass_over(exchanger, unknown, course)
            for address in addresses:
                course.board.ok(Step.LOOK_UP)
                try:
                    return await self._greeted(exchanger.host, address, domain, course)
                except (AttemptError, RefusedError) as closed_door:
                    failure = closed_door
                    self._pass_over(exchanger, closed_door, course)
        raise failure

    async def _exchangers(self, domain: str) -> tuple[Exchanger, ...]:
        try:
            found, how = await self._resolver.exchangers(domain)
        except NoSuchDomainError:
            self._events.add("sender", "mx-failed", {"domain": domain, "why": "NXDOMAIN"})
            raise AttemptError(NO_SUCH_DOMAIN, status=BAD_DOMAIN) from None
        except LookupFailedError as failure:
            self._events.add("sender", "mx-failed", {"domain": domain, "why": str(failure)})
            raise AttemptError(UNRESOLVED) from None
        if not found:
            self._events.add("sender", "mx-failed", {"domain": domain, "why": "no MX and no A record"})
            raise AttemptError(NO_EXCHANGER, status=NO_ROUTE)
        names = [row.host for row in found]
        self._events.add("sender", "mx-found", {"exchangers": names, "how": how, "domain": domain})
        return found

    async def _addresses(self, exchanger: Exchanger) -> tuple[str, ...]:
        try:
            addresses = await self._resolver.addresses(exchanger.host)
        except (NoSuchDomainError, LookupFailedError):
            addresses = ()
        if not addresses:
            raise AttemptError(NO_ADDRESS)
        return addresses

    async def _greeted(self, host: str, address: str, domain: str, course: Course) -> Connection:
        course.board.at(Step.CONNECT)
        there = self._directory(host)
        if there is None:
            raise AttemptError(UNREACHABLE)
        inside = ipaddress.ip_address(there[0]).is_loopback
        target, source = (address, self._source) if inside else (there[0], None)
        wire = await Wire.connect(target, there[1], self._silence, course.transcript, source)
        course.board.reach(Step.BANNER)
        self._count += 1
        wire.listen(self._tap, self._count)
        connection = Connection(wire, self._count, host, domain, self._events)
        try:
            accepted(await connection.reply())
        except BaseException as failure:
            if isinstance(failure, AttemptError):
                connection.record_end(failure)
            await wire.close()
            raise
        return connection

    def _pass_over(self, exchanger: Exchanger, failure: AttemptError | RefusedError, course: Course) -> None:
        reason = failure.reason if isinstance(failure, AttemptError) else failure.text
        self._events.add("sender", "exchanger-unreachable", {"exchanger": exchanger.host, "reason": reason})
