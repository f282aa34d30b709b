"""Run a scenario: sender, firewall and receiver in one process, over loopback, on the clock that jumps.

Raises ``PolicyError`` for a policy that can't be used and ``LabError`` for the lab's own documents; both before the
first socket is opened. A run that ends, ended with every socket closed and every task done.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dates import Calendar
from smtpguard.lab.events import Event, EventLog
from smtpguard.lab.firewall import LOOPBACK, Firewall
from smtpguard.lab.ndr import Notifier
from smtpguard.lab.profile import Profile, load_profile
from smtpguard.lab.queue import Fate, Queue
from smtpguard.lab.receiver_host import ReceiverHost
from smtpguard.lab.result import RunResult
from smtpguard.lab.scenario import NO_FIREWALL, Scenario
from smtpguard.lab.sender import Envelope, Sender
from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Rulebook

_REST = 1.0  # simulated seconds after the end: on this clock they pass when every session has come to rest

Watch = Callable[[Event], None]


def run_scenario(scenario: Scenario, firewall: str, message: bytes, watch: Watch | None = None) -> RunResult:
    """Run ``scenario`` with ``message`` behind the policy ``firewall`` (a name, a file, or ``none``).

    ``watch`` is called with each event as it happens. The same arguments give the same result, octet for octet.
    """
    rulebook = None if firewall == NO_FIREWALL else load_policy(firewall)
    profile = load_profile(scenario.receiver.profile)
    return run_virtual(lambda: _run(scenario, firewall, rulebook, profile, message, watch))


def _random(scenario: Scenario, what: str) -> random.Random:
    return random.Random(f"{scenario.seed}/{what}")


async def _run(
    scenario: Scenario, firewall: str, rulebook: Rulebook | None, profile: Profile, message: bytes, watch: Watch | None
) -> RunResult:
    loop = asyncio.get_running_loop()
    events = EventLog(loop.time, watch)
    calendar = Calendar(scenario.start, loop.time)
    receiver = ReceiverHost(
        fqdn=scenario.receiver.host,
        domains=frozenset(domain.lower() for domain in scenario.receiver.domains),
        profile=profile,
        calendar=calendar,
        events=events,
        rng=_random(scenario, "receiver"),
        authenticate_first=scenario.receiver.authenticate_first,
    )
    async with AsyncExitStack() as hosts:
        await receiver.start()
        hosts.push_async_callback(receiver.stop)
        port = receiver.port
        if rulebook is not None:
            wall = Firewall(rulebook, receiver.port, events)
            await wall.start()
            hosts.push_async_callback(wall.stop)
            port = wall.port
        fate = await _deliver(scenario, port, calendar, events, message)
        await asyncio.sleep(_REST)
    return RunResult(
        scenario=scenario,
        firewall=firewall,
        firewall_summary="" if rulebook is None else rulebook.summary,
        receiver_summary=profile.summary,
        fate=fate,
        sent=message,
        mailbox=tuple(receiver.mailbox.messages),
        orphaned_blobs=len(receiver.mailbox.orphaned_blobs),
        events=events.ordered(),
    )


async def _deliver(scenario: Scenario, port: int, calendar: Calendar, events: EventLog, message: bytes) -> Fate:
    def directory(host: str) -> tuple[str, int] | None:
        return (LOOPBACK, port) if host == scenario.receiver.host else None

    settings = scenario.sender
    sender = Sender(settings.host, scenario.mx_table, directory, events, scenario.schedule.timeout)
    notifier = Notifier(settings.host, _random(scenario, "notifier"))
    envelope = Envelope(
        sender=settings.address,
        recipients=settings.recipients,
        content=message,
        blob=_random(scenario, "blob").randbytes(settings.blob),
    )
    return await Queue(sender, scenario.schedule, notifier, calendar, events).run(envelope)
