"""The path doctor's rounds: the probes, one after the other, each within its own time and all within the run's.

A probe that sends a message runs where one was taken and more may follow, the one for MS03-046 only on demand. Never
raises for what a server does. A probe that takes too long is cut; what it had seen counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from smtpguard.analyzer.probes import PROBES
from smtpguard.analyzer.probing import Examination
from smtpguard.analyzer.steps import Step

Progress = Callable[[int, int, str], None]
"""Hears of a probe before it runs: its number, of how many, and what it tries."""


async def examine(examination: Examination, *, message: bool, security: bool, progress: Progress) -> None:
    """Run the probes; their sessions are in ``examination`` then. ``progress`` hears of each before it runs."""
    probes = [probe for probe in PROBES if (not probe.message or message) and (not probe.security or security)]
    for number, probe in enumerate(probes, 1):
        progress(number, len(probes), probe.says)
        begun = len(examination.held)
        try:
            async with asyncio.timeout(examination.limits.probe):
                await probe.run(examination)
        except TimeoutError:
            _cut(examination, begun)


def _cut(examination: Examination, begun: int) -> None:
    """Leave in the session that was cut what it was at."""
    if len(examination.held) > begun:
        session = examination.held[-1]
        session.steps.append(Step(session.at, failure="late"))
