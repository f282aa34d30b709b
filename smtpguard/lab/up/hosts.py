"""``lab up``: the hosts of a scenario on real sockets in real time, until told to stop.

Any of the three may be somebody else's (``plan``). The first event, ``up``, says where each listens; everything
that happens follows. Dates in mail are real: a real peer reads them. Nothing of a finished conversation is kept but
the receiver's mailbox, in memory.

Raises ``LabError`` where a port is taken or a server of the user's does not answer; what was up is down again then.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta

from smtpguard.lab.dates import Calendar
from smtpguard.lab.dns.server import DnsServer
from smtpguard.lab.errors import LabError
from smtpguard.lab.hosts import ANYWHERE
from smtpguard.lab.message import copies, sample
from smtpguard.lab.receiver.host import ReceiverHost
from smtpguard.lab.scenario.model import LOOPBACK, Scenario
from smtpguard.lab.up.journal import LiveLog, Sink
from smtpguard.lab.up.plan import Plan
from smtpguard.lab.up.sender import UpSender
from smtpguard.policy.rulebook import Rulebook
from smtpguard.progress import LongWork
from smtpguard.relay.addresses import Address, show_address
from smtpguard.relay.guard import Guard
from smtpguard.relay.listening import why_deaf
from smtpguard.relay.reaching import UnreachableError, reach

DRAIN_SECONDS = 1.0
"""Sessions that still run at the end get as long; in a lab of stalls most of them would never finish."""


async def stay_up(plan: Plan, sink: Sink, stop: asyncio.Event) -> None:
    """Bring the hosts up and keep them so until ``stop`` is set."""
    async with open_lab(plan, sink):
        await stop.wait()
        sink("stopping", {})
    sink("stopped", {})


@asynccontextmanager
async def open_lab(plan: Plan, sink: Sink) -> AsyncIterator[None]:
    """The hosts of ``plan``, up as long as the block runs; the scenario's mail is queued as soon as they are."""
    wanted = plan.wanted
    loop = asyncio.get_running_loop()
    events = LiveLog(loop.time, sink)
    calendar = _calendar(loop)
    places: dict[str, object] = {}
    async with AsyncExitStack() as up:
        if wanted.receiver_at is not None:
            behind = await _numeric(wanted.receiver_at, "--receiver")
            try:
                with LongWork(f"--receiver {show_address(behind)}: waiting for the server to take a connection"):
                    await reach(behind, "--receiver")
            except UnreachableError as error:
                raise LabError(str(error)) from None
        else:
            behind = await _receiver(plan, calendar, events, up)
        places["receiver"] = show_address(behind)
        entrance = behind
        if wanted.firewall_at is not None:
            entrance = await _numeric(wanted.firewall_at, "--firewall-at")
            places["firewall"] = show_address(entrance)
        elif plan.rulebook is not None:
            entrance = await _firewall(plan, plan.rulebook, behind, events, up)
            places["firewall"] = show_address(entrance)
        sender = None
        if wanted.sender:
            sender, told = await _sender(plan, calendar, events, entrance, up)
            places |= told
        sink("up", places | {"scenario": plan.scenario.name, "policy": plan.firewall, "speed": wanted.speed})
        if sender is not None:
            sender.queue(copies(sample(), plan.scenario.sender.messages))
        yield


def _calendar(loop: asyncio.AbstractEventLoop) -> Calendar:
    """Real dates: the loop's clock began at some moment, and so does this calendar."""
    return Calendar(datetime.now().astimezone() - timedelta(seconds=loop.time()), loop.time)


async def _receiver(plan: Plan, calendar: Calendar, events: LiveLog, up: AsyncExitStack) -> Address:
    host, port = await _numeric(plan.wanted.receiver_listen or ANYWHERE, "--receiver-listen")
    rng = random.Random(f"{plan.scenario.seed}/receiver")
    receiver = ReceiverHost(plan.scenario.receiver, plan.profile, calendar, events, rng, host=host, port=port)
    try:
        await receiver.start()
    except LabError as error:
        raise LabError(str(error).replace("receiver ", "--receiver-listen ", 1)) from None
    up.push_async_callback(receiver.stop)
    return host, receiver.port


async def _firewall(plan: Plan, rulebook: Rulebook, behind: Address, events: LiveLog, up: AsyncExitStack) -> Address:
    listen = await _numeric(plan.wanted.listen or ANYWHERE, "--listen")
    guard = Guard(
        rulebook,
        listen=listen,
        upstream=_reachable(behind),
        journal=lambda event, fields: events.add("firewall", event, fields),
        run=f"{int(time.time()):x}-{os.getpid():x}-",  # sessions of two labs must not share an id in one journal
    )
    try:
        await guard.start()
    except OSError as error:
        raise LabError(f"--listen {show_address(listen)}: {why_deaf(error)}") from None
    up.push_async_callback(guard.stop, DRAIN_SECONDS)
    return listen[0], guard.port


async def _sender(
    plan: Plan, calendar: Calendar, events: LiveLog, entrance: Address, up: AsyncExitStack
) -> tuple[UpSender, dict[str, object]]:
    entrance = _reachable(entrance)
    scenario = _found_at(plan.scenario, entrance[0])
    dns = DnsServer(scenario.zones)
    await dns.start()
    up.push_async_callback(dns.stop)
    sender = UpSender(scenario, calendar, events, dns.address, entrance, plan.wanted.sender_port or 0)
    await sender.start()

    async def leave() -> None:
        left = await sender.stop()
        if left:
            events.add("sender", "given-up", {"messages": left})

    up.push_async_callback(leave)
    return sender, {"sender": show_address(sender.address), "dns": show_address(dns.address)}


def _reachable(address: Address) -> Address:
    """Where one connects to who listens on every address."""
    return (LOOPBACK, address[1]) if address[0] == "0.0.0.0" else address


def _found_at(scenario: Scenario, host: str) -> Scenario:
    """``scenario`` whose DNS gives the receiver the loopback address that it, or the firewall, really has.

    An address elsewhere needs no record: the directory's counts then.
    """
    address = ipaddress.ip_address(host)
    if not address.is_loopback or host == LOOPBACK:
        return scenario
    if address.version == 6:
        raise LabError(f"the lab's sender can't send to [{host}]: its DNS knows IPv4; try {LOOPBACK}, or --no-sender")
    zones = scenario.zones
    found = zones.model_copy(update={"a": {**zones.a, scenario.receiver.host.lower(): (host,)}})
    return scenario.model_copy(update={"dns": found})


async def _numeric(address: Address, option: str) -> Address:
    """The address itself, or the first of a name; IPv4 wins, since the sender's DNS knows no other."""
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(address[0])
        return address
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(*address, type=socket.SOCK_STREAM)
    except OSError as error:
        raise LabError(
            f"{option} {show_address(address)}: no address was found for it: {error.strerror or error}"
        ) from None
    found.sort(key=lambda one: one[0] != socket.AF_INET)
    return str(found[0][4][0]), address[1]
