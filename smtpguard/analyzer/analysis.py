"""One run: the sessions, one after the other, and what they say. Never raises for what a host or a server does.

First where the target is (``lookup``); then the acceptance test at the first place that takes a connection, as a sender
goes from one mail exchanger to the next; BDAT and the probes of the path doctor at the same place. Bounded by
``Limits``: a run that takes longer is cut, and judged by what it had when the first session was over.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from smtpguard.analyzer.acceptance import contradiction, judge_acceptance
from smtpguard.analyzer.acceptance_sessions import ACCEPTANCE, BDAT, bdat_acceptance, mail_acceptance
from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.diagnosis import Diagnosis, diagnose
from smtpguard.analyzer.doctor import Progress, examine
from smtpguard.analyzer.ehlo import Ehlo, read_ehlo
from smtpguard.analyzer.findings import Analysis, Check, Comparison, Verdict
from smtpguard.analyzer.judges import Evidence, judge_all
from smtpguard.analyzer.lookup import Route, find_route
from smtpguard.analyzer.probe_ending import ENDING
from smtpguard.analyzer.probing import Examination
from smtpguard.analyzer.rules import rule_for_failure
from smtpguard.analyzer.sample import sample_message
from smtpguard.analyzer.session import Session, Watch, speaks_tls
from smtpguard.analyzer.steps import Step, named
from smtpguard.analyzer.systems import Classified, classify
from smtpguard.analyzer.target import Target
from smtpguard.analyzer.via import STRAIGHT, Via

Announce = Callable[[Route, Target], None]
"""Hears of the way and of the first place on it before anything is sent there."""


async def analyze(
    target: Target,
    *,
    date: str,
    number: str,
    limits: Limits,
    watch: Watch,
    announce: Announce = lambda route, target: None,
    server: tuple[str, int] | None = None,
    security: bool = False,
    progress: Progress = lambda number, count, says: None,
    past: Target | None = None,
    via: Via = STRAIGHT,
) -> Analysis:
    """Analyze ``target``. ``date`` and ``number`` go into the sample messages, ``watch`` hears each step.

    ``server``: the DNS server to ask, address and port, instead of the system's. ``security``: probe MS03-046 too.
    ``progress`` hears of each probe. ``past``: the same server past the box, where the same is tried without a message.
    ``via``: from where ``target`` is looked at; ``past`` is looked at from here.
    """
    run = _Run(target, limits, watch, via)
    other = _Run(replace(past, message=False), limits, watch) if past is not None else None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(limits.run):
            if not await run.find(server):
                return run.told()
            announce(run.route, run.target)
            if await run.accept(date, f"{number}.1"):
                if wants_bdat(run.target, run.acceptance.steps):
                    await bdat_acceptance(run.bdat, sample_message(run.target, BDAT, date, f"{number}.2"))
                await run.examine(sample_message(run.target, ENDING, date, f"{number}.3"), security, progress)
            if other is not None and await other.find(server) and await other.accept(date, f"{number}.4"):
                await other.examine(
                    b"", security, lambda number, count, says: progress(number, count, f"past the box, {says}")
                )
    return run.told(other)


class _Run:
    """What is known so far: a run that is cut short is judged by what it had when the first session was over."""

    def __init__(self, target: Target, limits: Limits, watch: Watch, via: Via = STRAIGHT) -> None:
        self.target = target
        self.route = Route(target.host, "host")
        self.lookup: Step | None = None
        self.over = False
        self.examination: Examination | None = None
        self._limits = limits
        self._watch = watch
        self._via = via
        self._tls = False
        self._at(target)

    def _at(self, target: Target) -> None:
        self.target = target
        self.acceptance = Session(ACCEPTANCE, target, self._limits, self._watch, self._via)
        self.bdat = Session(BDAT, target, self._limits, self._watch, self._via)

    async def find(self, server: tuple[str, int] | None) -> bool:
        """Look the way up; whether there is one."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self._watch("DNS", "lookup", None)
        self.route = await find_route(self.target, self._limits, server)
        detail = self.route.detail or ", ".join(one.title for one in self.route.exchangers)
        self.lookup = Step("lookup", failure=self.route.failure, detail=detail, seconds=loop.time() - began)
        self._watch("DNS", "lookup", self.lookup)
        if self.route.targets:
            self._at(self.route.of(self.target, *self.route.targets[0]))
        return not self.route.failure

    async def accept(self, date: str, number: str) -> bool:
        """The acceptance test at the first place that takes the connection; whether there was one."""
        given = self.target
        for exchanger, address in self.route.targets:
            self._at(self.route.of(given, exchanger, address))
            await mail_acceptance(self.acceptance, sample_message(self.target, ACCEPTANCE, date, number))
            first = self.acceptance.steps[0]
            if not first.failure:
                self._tls = _may_be_tls(self.acceptance.steps) and await speaks_tls(
                    self.target, self._limits, self._via
                )
                self.route = replace(self.route, tested=exchanger.host)
                self.over = True
                return True
            self.route = self.route.without(exchanger, address, first.outcome)
        self.over = True
        return False

    async def examine(self, content: bytes, security: bool, progress: Progress) -> None:
        """The probes of the path doctor, where the server speaks to us at all."""
        steps = tuple(self.acceptance.steps)
        hello = named(steps, "EHLO")
        if _stopper(steps) is not None or hello is None or hello.failure:
            return
        ehlo, classified = _who(steps)
        self.examination = Examination(self.target, self._limits, self._watch, ehlo, classified, content, self._via)
        taken = named(steps, "message")
        more = self.target.message and taken is not None and taken.accepted
        await examine(self.examination, message=more, security=security, progress=progress)

    @property
    def held(self) -> dict[str, tuple[Step, ...]]:
        """The steps of every session."""
        probes = self.examination.sessions if self.examination is not None else {}
        return {ACCEPTANCE: tuple(self.acceptance.steps), **probes}

    @property
    def trouble(self) -> str:
        """Why this place could not be looked at; empty where it could."""
        if self.lookup is None or self.lookup.failure:
            return self.lookup.outcome if self.lookup is not None else "the time for the whole run was over"
        stopper = _stopper(tuple(self.acceptance.steps))
        if stopper is not None:
            return _why(stopper, self.route)
        hello = named(tuple(self.acceptance.steps), "EHLO")
        if hello is not None and hello.failure:
            return f"EHLO: {hello.outcome}"
        return "" if self.examination is not None else "the time for the whole run was over"

    def told(self, other: _Run | None = None) -> Analysis:
        """What was found; ``other`` is the run past the box."""
        if self.lookup is None:
            self.lookup = Step("lookup", failure="late")
        elif not self.lookup.failure and not self.over:
            last = self.acceptance.steps[-1].name if self.acceptance.steps else "connect"
            self.acceptance.steps.append(Step(last, failure="late"))
        steps = (self.lookup,) if self.lookup.failure else tuple(self.acceptance.steps)
        probes = self.examination.sessions if self.examination is not None else {}
        past = other.held if other is not None and not other.trouble else None
        analysis = conclude(self.target, steps, tuple(self.bdat.steps), self._tls, self.route, probes, past)
        if other is None or analysis.untested is not None:
            return analysis
        seen = analysis.comparison.differences if analysis.comparison is not None else ()
        return replace(analysis, comparison=Comparison(other.target, seen, other.trouble))


def conclude(
    target: Target,
    steps: tuple[Step, ...],
    bdat: tuple[Step, ...],
    tls: bool = False,
    route: Route | None = None,
    probes: Mapping[str, tuple[Step, ...]] | None = None,
    past: Mapping[str, tuple[Step, ...]] | None = None,
) -> Analysis:
    """What the steps of the sessions say; ``tls``: the port speaks TLS from the first octet.

    ``probes``: the sessions of the path doctor by title; None where only the checks are wanted. ``past``: all sessions
    that were held past the box.
    """
    sessions = {ACCEPTANCE: steps} | ({BDAT: bdat} if bdat else {}) | dict(probes or {})
    stopper = _stopper(steps)
    if stopper is not None:
        rule = rule_for_failure("tls" if tls else stopper.failure)
        detail = "a TLS handshake succeeds, and nothing is said in clear" if tls else _why(stopper, route)
        untested = Check(rule, Verdict("found", detail, stopper))
        return Analysis(target, sessions, untested=untested, route=route)
    ehlo, classified = _who(steps)
    diagnosis = Diagnosis() if probes is None else diagnose(sessions, steps, ehlo, classified, past)
    acceptance = judge_acceptance(steps, ehlo, classified, target.message)
    return Analysis(
        target,
        sessions,
        route=route,
        ehlo=ehlo,
        classified=classified,
        acceptance=acceptance,
        checks=(*judge_all(Evidence(steps, ehlo, classified, acceptance, bdat, route)), *diagnosis.checks),
        suspects=diagnosis.suspects,
        comparison=Comparison(target, diagnosis.differences) if past is not None else None,
        contradiction=contradiction(acceptance, steps, ehlo, classified),
    )


def _who(steps: tuple[Step, ...]) -> tuple[Ehlo, Classified]:
    banner = named(steps, "banner")
    ehlo = read_ehlo(named(steps, "EHLO"))
    return ehlo, classify(banner.last_line if banner else "", ehlo)


def _why(stopper: Step, route: Route | None) -> str:
    """What kept the run from testing anything: at every exchanger, where none could be reached."""
    if stopper.name != "connect" or route is None or len(route.exchangers) < 2:
        return stopper.outcome
    return "; ".join(f"{one.title}: {one.problem or 'not tried'}" for one in route.exchangers)


def _stopper(steps: tuple[Step, ...]) -> Step | None:
    """The step that keeps everything from being judged: no connection, no banner, or a server that only talks."""
    for step in steps:
        if step.failure and (step.name in ("lookup", "connect", "banner") or step.failure in ("babbling", "late")):
            return step
    return None


def _may_be_tls(steps: list[Step]) -> bool:
    """A port that speaks TLS from the first octet waits for the client to begin, and may give up on it."""
    last = steps[-1]
    return last.name == "banner" and last.failure in ("silent", "closed") and not last.received


def wants_bdat(target: Target, steps: list[Step]) -> bool:
    """Whether the acceptance test gives reason for the one with BDAT: CHUNKING is offered, and mail is taken."""
    taken = named(tuple(steps), "message")
    listed: Ehlo = read_ehlo(named(tuple(steps), "EHLO"))
    return target.message and listed.has("CHUNKING") and taken is not None and taken.accepted
