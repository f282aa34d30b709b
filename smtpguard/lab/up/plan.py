"""What ``lab up`` brings up: which of the three hosts are the lab's, where they listen, which are somebody else's.

Pure but for the look at the files of policy and profile. Raises ``PolicyError`` and ``LabError``.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtpguard.lab.errors import LabError
from smtpguard.lab.firewall import find_rulebook
from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.receiver.profile import Profile, load_profile
from smtpguard.lab.scenario.model import NO_FIREWALL, Scenario
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.addresses import Address

LEAST_SILENCE = 1.0
"""Seconds of real time; ours: the peer may be a real server, which no ``speed`` makes faster."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks for. None for an address: the lab's own host, on a free port of loopback.

    ``receiver_at`` and ``firewall_at`` are servers outside the lab that take a host's place; ``sender`` false leaves
    the sender's place to a client of the user's. ``firewall`` None is the scenario's own.
    """

    firewall: str | None = None
    listen: Address | None = None
    receiver_listen: Address | None = None
    sender_port: int | None = None
    receiver_at: Address | None = None
    firewall_at: Address | None = None
    sender: bool = True
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Plan:
    """``scenario`` with its schedule at the speed asked for; ``rulebook`` None: the lab has no firewall of its own."""

    scenario: Scenario
    wanted: Wanted
    firewall: str  # of the rulebook, or none
    rulebook: Rulebook | None
    profile: Profile


def plan(scenario: Scenario, wanted: Wanted) -> Plan:
    """``wanted`` made whole, or ``LabError`` where its parts contradict each other."""
    firewall = NO_FIREWALL
    if wanted.firewall_at is None:
        firewall = scenario.firewall if wanted.firewall is None else wanted.firewall
    contradiction = _contradiction(wanted, walled=firewall != NO_FIREWALL)
    if contradiction:
        raise LabError(contradiction)
    return Plan(
        scenario=scenario.model_copy(update={"schedule": faster(scenario.schedule, wanted.speed)}),
        wanted=wanted,
        firewall=firewall,
        rulebook=None if firewall == NO_FIREWALL else find_rulebook(firewall),
        profile=load_profile(scenario.receiver.profile),
    )


def faster(schedule: Schedule, speed: float) -> Schedule:
    """``schedule`` ``speed`` times as fast; the time-out of a silent peer never falls below ``LEAST_SILENCE``."""
    return schedule.model_copy(
        update={
            "timeout": max(schedule.timeout / speed, min(schedule.timeout, LEAST_SILENCE)),
            "glitch_retry": schedule.glitch_retry / speed,
            "retries": tuple(pause / speed for pause in schedule.retries),
            "delay_notice": schedule.delay_notice / speed,
            "expiry": schedule.expiry / speed,
        }
    )


def _contradiction(wanted: Wanted, *, walled: bool) -> str:
    if wanted.firewall_at is not None:
        if wanted.firewall not in (None, NO_FIREWALL):
            return "--firewall-at puts a firewall of your own in the place of --firewall; give one of them"
        if wanted.receiver_at is not None:
            return "--firewall-at: that firewall knows the way to --receiver itself; leave --receiver out"
    if wanted.listen is not None and not walled:
        return "--listen is the firewall's, and there is none in this lab; give --firewall, or leave --listen out"
    if wanted.receiver_at is not None and wanted.receiver_listen is not None:
        return "--receiver puts a server of your own in the place of the lab's; leave --receiver-listen out"
    if wanted.sender:
        return ""
    if wanted.sender_port is not None:
        return "--sender-port is the lab sender's, and --no-sender leaves it out; give one of them"
    if wanted.receiver_at is not None and not walled:
        return "--no-sender with --receiver and without a firewall leaves no host to bring up; give --firewall"
    return ""
