"""How far the simulated days have come."""

from __future__ import annotations

import io
import threading

from rich.console import Console

from smtpguard.lab.events import Event
from smtpguard.lab.telling.progress import SimulatedDays


class Screen(io.StringIO):
    """What is written, and whether the last of it was."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = threading.Event()

    def write(self, text: str) -> int:
        written = super().write(text)
        if "attempt 13" in self.getvalue():
            self.seen.set()
        return written


def test_the_clock_and_what_the_queue_is_at() -> None:
    screen = Screen()
    console = Console(file=screen, force_terminal=True, width=100)
    with SimulatedDays(172_800, console=console, after=0.0) as days:
        days.watch(Event(660.0, "sender", "attempt", {"number": 2}))
        days.watch(Event(99_999.0, "firewall", "payload-eaten"))
        days.watch(Event(86_400.0, "sender", "attempt", {"number": 13}))
        assert screen.seen.wait(30.0)
    assert "attempt 13 at 1d 00:00:00 of simulated time" in screen.getvalue()
    assert "payload-eaten" not in screen.getvalue()


def test_a_run_that_is_soon_over_says_nothing() -> None:
    out = io.StringIO()
    with SimulatedDays(172_800, console=Console(file=out, force_terminal=True), after=30.0) as days:
        days.watch(Event(660.0, "sender", "attempt", {"number": 2}))
    assert out.getvalue() == ""
