"""Run a scenario: sender, firewall and receiver in one process, over loopback, on the clock that jumps.

Raises ``PolicyError`` for a policy that can't be used and ``LabError`` for the lab's own documents; both before the
first socket is opened. A run that ends, ended with every socket closed and every task done.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from smtpguard.lab.capture.tap import Tap
from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dates import Calendar
from smtpguard.lab.eventlog.entries import Entry, entries
from smtpguard.lab.events import Event, EventLog, Host
from smtpguard.lab.firewall import find_rulebook
from smtpguard.lab.hosts import Hosts, open_hosts
from smtpguard.lab.message import copies
from smtpguard.lab.queue.fate import Fate
from smtpguard.lab.receiver.profile import Profile, load_profile
from smtpguard.lab.result import RunResult
from smtpguard.lab.scenario.model import NO_FIREWALL, Scenario
from smtpguard.policy.rulebook import Rulebook

_REST = 1.0  # simulated seconds after the end: on this clock they pass when every session has come to rest

Watch = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class Cast:
    """A scenario with everything that is read from files for it."""

    scenario: Scenario
    firewall: str
    rulebook: Rulebook | None
    profile: Profile
    messages: tuple[bytes, ...]


def run_scenario(
    scenario: Scenario, firewall: str, message: bytes, watch: Watch | None = None, tap: Tap | None = None
) -> RunResult:
    """Run ``scenario`` with ``message`` behind the policy ``firewall`` (a name, a file, or ``none``).

    ``watch`` is called with each event as it happens, ``tap`` with the octets of both legs. The same arguments give
    the same result, octet for octet.
    """
    cast = assemble(scenario, firewall, message)
    return run_virtual(lambda: play(cast, watch, tap))


def assemble(scenario: Scenario, firewall: str, message: bytes) -> Cast:
    """Read what the run needs."""
    return Cast(
        scenario=scenario,
        firewall=firewall,
        rulebook=None if firewall == NO_FIREWALL else find_rulebook(firewall),
        profile=load_profile(scenario.receiver.profile),
        messages=copies(message, scenario.sender.messages),
    )


async def play(cast: Cast, watch: Watch | None = None, tap: Tap | None = None) -> RunResult:
    """One run on the running loop, from the first query to the last connection's end."""
    loop = asyncio.get_running_loop()
    events = EventLog(loop.time, watch)
    async with open_hosts(cast.scenario, cast.rulebook, cast.profile, events, tap) as hosts:
        fates = await hosts.queues.run(cast.messages)
        await asyncio.sleep(_REST)
    return _result(cast, hosts, fates, events.ordered())


def _result(cast: Cast, hosts: Hosts, fates: tuple[Fate, ...], events: tuple[Event, ...]) -> RunResult:
    mailbox = hosts.receiver.mailbox if hosts.receiver is not None else None
    return RunResult(
        scenario=cast.scenario,
        firewall=cast.firewall,
        firewall_summary="" if cast.rulebook is None else cast.rulebook.summary,
        receiver_summary=cast.profile.summary,
        fates=fates,
        timeline=hosts.queues.timeline,
        messages=cast.messages,
        mailbox=() if mailbox is None else tuple(mailbox.messages),
        orphaned_blobs=0 if mailbox is None else len(mailbox.orphaned_blobs),
        events=events,
        eventlog=_eventlog(cast, events),
        firewall_lies=cast.rulebook is not None and cast.rulebook.lies,
    )


def _eventlog(cast: Cast, events: tuple[Event, ...]) -> tuple[Entry, ...]:
    scenario = cast.scenario
    hosts: dict[Host, str] = {
        "sender": scenario.sender.host,
        "firewall": scenario.firewall_host,
        "receiver": scenario.receiver.host,
    }
    return entries(
        events,
        Calendar(scenario.start, lambda: 0.0),
        hosts,
        sender_system="exchange" if scenario.sender.xexch50 else "iis",
        protocol_logging=scenario.protocol_logging,
    )
