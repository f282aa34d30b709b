"""The hosts of a scenario, brought up and taken down together: receiver, firewall, DNS server, the sender's queues.

Nothing here knows which clock runs: all time is the running loop's, so the same hosts serve a run on the clock that
jumps and a lab that stays up. ``Places`` says where each listens, and lets a real server stand in for the receiver.

``open_hosts`` raises ``LabError`` where a port is taken; what was already up is taken down again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from smtpguard.lab.capture.tap import Tap
from smtpguard.lab.dates import Calendar
from smtpguard.lab.dns.server import DnsServer
from smtpguard.lab.errors import LabError
from smtpguard.lab.events import EventLog
from smtpguard.lab.firewall import LOOPBACK, Firewall
from smtpguard.lab.queue.host import Queues
from smtpguard.lab.receiver.host import ReceiverHost
from smtpguard.lab.receiver.profile import Profile
from smtpguard.lab.scenario.model import Scenario
from smtpguard.lab.sender.opening import Directory
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.addresses import Address

ANYWHERE: Address = (LOOPBACK, 0)


@dataclass(frozen=True, slots=True)
class Places:
    """Where the hosts listen. ``real_receiver``: a server outside the lab that takes the receiver's place."""

    receiver: Address = ANYWHERE
    firewall: Address = ANYWHERE
    dns: Address = ANYWHERE
    real_receiver: Address | None = None


@dataclass(slots=True)
class Hosts:
    """What is up. ``entrance`` is where the sender's mail goes: the firewall, or the receiver where there is none."""

    receiver: ReceiverHost | None
    firewall: Firewall | None
    dns: DnsServer
    queues: Queues
    entrance: Address


@asynccontextmanager
async def open_hosts(
    scenario: Scenario,
    rulebook: Rulebook | None,
    profile: Profile,
    events: EventLog,
    tap: Tap | None = None,
    places: Places | None = None,
) -> AsyncIterator[Hosts]:
    """Bring the hosts of ``scenario`` up, with the firewall ``rulebook`` (None: no firewall) between them."""
    where = places if places is not None else Places()
    loop = asyncio.get_running_loop()
    calendar = Calendar(scenario.start, loop.time)
    async with AsyncExitStack() as up:
        receiver = None
        entrance = where.real_receiver
        if entrance is None:
            host, port = where.receiver
            receiver = ReceiverHost(
                scenario.receiver, profile, calendar, events, randomness(scenario, "receiver"), tap, host, port
            )
            await receiver.start()
            up.push_async_callback(receiver.stop)
            entrance = (host, receiver.port)
        wall = None
        if rulebook is not None:
            wall = Firewall(rulebook, entrance, events, where.firewall)
            await _start(wall, where.firewall)
            up.push_async_callback(wall.stop)
            entrance = (where.firewall[0], wall.port)
        dns = DnsServer(scenario.zones, *where.dns)
        await dns.start()
        up.push_async_callback(dns.stop)
        queues = Queues(
            scenario.sender,
            scenario.schedule,
            dns=dns.address,
            directory=_directory(scenario, entrance),
            calendar=calendar,
            events=events,
            rng=lambda what: randomness(scenario, what),
            tap=tap,
        )
        yield Hosts(receiver, wall, dns, queues, entrance)


def randomness(scenario: Scenario, what: str) -> random.Random:
    """The generator of one part of a run; the same seed gives each part the same numbers whatever the others draw."""
    return random.Random(f"{scenario.seed}/{what}")


def _directory(scenario: Scenario, entrance: Address) -> Directory:
    """One host answers: the receiver, by its name or by that of a domain that has no MX (RFC 5321 5.1)."""
    names = {scenario.receiver.host.lower(), *(domain.lower() for domain in scenario.receiver.domains)}

    def directory(host: str) -> Address | None:
        return entrance if host.lower() in names else None

    return directory


async def _start(wall: Firewall, listen: Address) -> None:
    try:
        await wall.start()
    except OSError as error:
        place = f"{listen[0]}:{listen[1]}"
        raise LabError(f"{place}: the firewall cannot listen there: {error.strerror or error}") from None
