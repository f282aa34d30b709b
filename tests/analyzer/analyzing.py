"""The analyzer on a clock that jumps, against the lab's receivers, a guard before them, and servers from a script."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from smtpguard.analyzer.analysis import analyze
from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.findings import Analysis, Check
from smtpguard.analyzer.target import Target
from smtpguard.lab.clock import run_virtual
from smtpguard.policy.loader import load_policy
from smtpguard.relay.guard import Guard
from tests.lab.hosts import Serve, receiving, serving

DATE = "Thu, 25 Oct 2007 09:00:00 -0700"
RCPT = "postmaster@example.net"
# Seconds of real time before a long jump: a silence that is judged must not be that of a busy machine.
PATIENCE = 0.05


@dataclass
class Heard:
    """An analysis, and what reached the receiver's mailbox: one verb a message."""

    analysis: Analysis
    verbs: list[str]
    seconds: float = 0.0

    @property
    def found(self) -> list[tuple[str, str]]:
        """Severity and title of each finding of the checks, in the order of the report; not those of the probes."""
        return [(check.rule.severity, check.rule.title) for check in self.analysis.findings if not is_symptom(check)]

    @property
    def symptoms(self) -> set[str]:
        """What the probes found, by the ids of the rules."""
        return {check.rule.id for check in self.analysis.findings if is_symptom(check)}

    @property
    def rules(self) -> set[str]:
        """The rules that found something."""
        return {check.rule.id for check in self.analysis.findings}


def is_symptom(check: Check) -> bool:
    """Whether a finding is one of the path doctor's."""
    return check.rule.trigger == "probe"


@asynccontextmanager
async def guarded(port: int, policy: str | None) -> AsyncIterator[int]:
    """The port of a guard with ``policy`` before ``port``; ``port`` itself without a policy."""
    if policy is None:
        yield port
        return
    guard = Guard(
        load_policy(policy), listen=("127.0.0.1", 0), upstream=("127.0.0.1", port), journal=lambda event, fields: None
    )
    await guard.start()
    try:
        yield guard.port
    finally:
        await guard.stop(grace=0)


async def run(
    port: int,
    *,
    message: bool = True,
    recipient: str = RCPT,
    limits: Limits | None = None,
    past: Target | None = None,
    security: bool = False,
) -> Analysis:
    """One analysis of a port on loopback; ``past`` is the second vantage point."""
    return await analyze(
        Target("127.0.0.1", port, recipient=recipient, message=message),
        date=DATE,
        number="1",
        limits=limits or Limits(),
        watch=lambda title, name, step: None,
        past=past,
        security=security,
    )


def of_profile(
    profile: str,
    policy: str | None = None,
    *,
    message: bool = True,
    recipient: str = RCPT,
    security: bool = False,
    **settings: object,
) -> Heard:
    """Analyze the lab's receiver ``profile``, behind ``policy`` where one is given."""

    async def whole() -> Heard:
        async with receiving(profile, **settings) as host, guarded(host.port, policy) as port:
            analysis = await run(port, message=message, recipient=recipient, security=security)
            return Heard(analysis, [one.verb for one in host.mailbox.messages])

    return run_virtual(whole, patience=PATIENCE)


def compared(profile: str, policy: str, **settings: object) -> Heard:
    """Analyze ``profile`` through ``policy``, and past it."""

    async def whole() -> Heard:
        async with receiving(profile, **settings) as host, guarded(host.port, policy) as port:
            analysis = await run(port, past=Target("127.0.0.1", host.port, recipient=RCPT))
            return Heard(analysis, [one.verb for one in host.mailbox.messages])

    return run_virtual(whole, patience=PATIENCE)


def of_server(serve: Serve, *, message: bool = True, limits: Limits | None = None) -> Heard:
    """Analyze a server that does as ``serve`` says; ``seconds`` is how long the analysis took."""

    async def whole() -> Heard:
        loop = asyncio.get_running_loop()
        async with serving(serve) as port:
            began = loop.time()
            analysis = await run(port, message=message, limits=limits)
            return Heard(analysis, [], loop.time() - began)

    return run_virtual(whole, patience=PATIENCE)
