"""The axes of the matrix: sender settings, firewall policies and receivers by name, and the cells that they span.

The names of ``axes/default.yaml`` are the default; besides these a firewall may be any policy and a receiver any
profile. Raises ``LabError`` or ``PolicyError`` for a word that is none of them, before anything runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict

from smtpguard.lab import documents
from smtpguard.lab.errors import LabError
from smtpguard.lab.firewall import find_rulebook
from smtpguard.lab.receiver.settings import ReceiverSettings
from smtpguard.lab.scenario.file import load_scenario, scenario_names
from smtpguard.lab.scenario.model import NO_FIREWALL, Scenario
from smtpguard.lab.sender.settings import SenderSettings
from smtpguard.policy.errors import suggestion


class Variant(BaseModel):
    """One place on an axis: ``set`` goes over the base's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    summary: str
    set: dict[str, Any]


class Axes(BaseModel):
    """``base``: the scenario that the cells are made from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: str
    senders: dict[str, Variant]
    firewalls: tuple[str, ...]
    receivers: dict[str, Variant]


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of the matrix. ``sender`` and ``receiver`` are names on the axes, for a row the scenario's hosts."""

    sender: str
    firewall: str
    receiver: str
    scenario: Scenario


def load_axes() -> Axes:
    """The axes that ship."""
    return documents.load("axes", "default", Axes)


def rows() -> tuple[Cell, ...]:
    """The outcomes of KB818222, in the order of their numbers."""
    scenarios = [scenario for scenario in map(load_scenario, scenario_names()) if scenario.row is not None]
    scenarios.sort(key=lambda scenario: scenario.row or 0)
    return tuple(
        Cell(scenario.sender.host, scenario.firewall, scenario.receiver.profile, scenario) for scenario in scenarios
    )


def cells(senders: Sequence[str], firewalls: Sequence[str], receivers: Sequence[str]) -> tuple[Cell, ...]:
    """Every combination of the named ones; an empty sequence means the default."""
    axes = load_axes()
    base = load_scenario(axes.base).model_copy(update={"expects": {}})
    by_sender = {name: _sender(axes, base, name) for name in senders or axes.senders}
    by_receiver = {name: _receiver(axes, base, name) for name in receivers or axes.receivers}
    through = list(dict.fromkeys(firewalls or axes.firewalls))
    for firewall in through:
        if firewall != NO_FIREWALL:
            find_rulebook(firewall)
    return tuple(
        Cell(sender, firewall, receiver, base.model_copy(update={"sender": sending, "receiver": receiving}))
        for receiver, receiving in by_receiver.items()
        for firewall in through
        for sender, sending in by_sender.items()
    )


def _sender(axes: Axes, base: Scenario, name: str) -> SenderSettings:
    if name not in axes.senders:
        raise LabError(f"unknown sender {name!r} ({suggestion(name, axes.senders)})")
    return SenderSettings.model_validate(base.sender.model_dump() | axes.senders[name].set)


def _receiver(axes: Axes, base: Scenario, name: str) -> ReceiverSettings:
    settings: dict[str, Any] = {"profile": name}
    if name in axes.receivers:
        settings = axes.receivers[name].set
    elif name not in documents.names("profiles"):
        known = dict.fromkeys([*axes.receivers, *documents.names("profiles")])
        raise LabError(f"unknown receiver {name!r} ({suggestion(name, known)})")
    return ReceiverSettings.model_validate(base.receiver.model_dump() | settings)
