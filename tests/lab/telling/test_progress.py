"""The bar over the simulated days."""

from __future__ import annotations

import io

from rich.console import Console

from smtpguard.lab.events import Event
from smtpguard.lab.telling.progress import SimulatedDays


def shown(*, terminal: bool) -> str:
    out = io.StringIO()
    with SimulatedDays(Console(file=out, force_terminal=terminal, width=100), 172_800) as days:
        days.watch(Event(660.0, "sender", "attempt", {"number": 2}))
        days.watch(Event(99_999.0, "firewall", "payload-eaten"))
        days.watch(Event(86_400.0, "sender", "attempt", {"number": 13}))
    return out.getvalue()


def test_nothing_at_all_without_a_terminal() -> None:
    assert shown(terminal=False) == ""


def test_the_clock_and_what_the_queue_is_at() -> None:
    text = shown(terminal=True)
    assert "attempt 13" in text
    assert "1d 00:00:00" in text
    assert "payload-eaten" not in text
