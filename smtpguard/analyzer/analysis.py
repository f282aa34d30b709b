"""One run: the sessions, one after the other, and what they say. Never raises for what a host or a server does.

Bounded by ``Limits``: a run that takes longer is cut, and judged by what it had when the first session was over.
"""

from __future__ import annotations

import asyncio

from smtpguard.analyzer.acceptance import contradiction, judge_acceptance
from smtpguard.analyzer.acceptance_sessions import ACCEPTANCE, BDAT, bdat_acceptance, mail_acceptance
from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.ehlo import Ehlo, read_ehlo
from smtpguard.analyzer.findings import Analysis, Check, Verdict
from smtpguard.analyzer.judges import Evidence, judge_all
from smtpguard.analyzer.rules import rule_for_failure
from smtpguard.analyzer.sample import sample_message
from smtpguard.analyzer.session import Session, Watch, speaks_tls
from smtpguard.analyzer.steps import Step, named
from smtpguard.analyzer.systems import classify
from smtpguard.analyzer.target import Target


async def analyze(target: Target, *, date: str, number: str, limits: Limits, watch: Watch) -> Analysis:
    """Analyze ``target``. ``date`` and ``number`` go into the sample messages, ``watch`` hears each step."""
    acceptance = Session(ACCEPTANCE, target, limits, watch)
    bdat = Session(BDAT, target, limits, watch)
    over = tls = False
    try:
        async with asyncio.timeout(limits.run):
            await mail_acceptance(acceptance, sample_message(target, ACCEPTANCE, date, f"{number}.1"))
            over = True
            tls = _may_be_tls(acceptance.steps) and await speaks_tls(target, limits)
            if _wants_bdat(target, acceptance.steps):
                await bdat_acceptance(bdat, sample_message(target, BDAT, date, f"{number}.2"))
    except TimeoutError:
        if not over:
            last = acceptance.steps[-1].name if acceptance.steps else "connect"
            acceptance.steps.append(Step(last, failure="late"))
    return conclude(target, tuple(acceptance.steps), tuple(bdat.steps), tls)


def conclude(target: Target, steps: tuple[Step, ...], bdat: tuple[Step, ...], tls: bool = False) -> Analysis:
    """What the steps of the two sessions say; ``tls``: the port speaks TLS from the first octet."""
    sessions = {ACCEPTANCE: steps} | ({BDAT: bdat} if bdat else {})
    stopper = _stopper(steps)
    if stopper is not None:
        rule = rule_for_failure("tls" if tls else stopper.failure)
        detail = "a TLS handshake succeeds, and nothing is said in clear" if tls else stopper.outcome
        return Analysis(target, sessions, untested=Check(rule, Verdict("found", detail, stopper)))
    banner = named(steps, "banner")
    ehlo = read_ehlo(named(steps, "EHLO"))
    classified = classify(banner.last_line if banner else "", ehlo)
    acceptance = judge_acceptance(steps, ehlo, classified, target.message)
    return Analysis(
        target,
        sessions,
        ehlo=ehlo,
        classified=classified,
        acceptance=acceptance,
        checks=judge_all(Evidence(steps, ehlo, classified, acceptance, bdat)),
        contradiction=contradiction(acceptance, steps, ehlo, classified),
    )


def _stopper(steps: tuple[Step, ...]) -> Step | None:
    """The step that keeps everything from being judged: no connection, no banner, or a server that only talks."""
    for step in steps:
        if step.failure and (step.name in ("connect", "banner") or step.failure in ("babbling", "late")):
            return step
    return None


def _may_be_tls(steps: list[Step]) -> bool:
    """A port that speaks TLS from the first octet waits for the client to begin, and may give up on it."""
    last = steps[-1]
    return last.name == "banner" and last.failure in ("silent", "closed") and not last.received


def _wants_bdat(target: Target, steps: list[Step]) -> bool:
    taken = named(tuple(steps), "message")
    listed: Ehlo = read_ehlo(named(tuple(steps), "EHLO"))
    return target.message and listed.has("CHUNKING") and taken is not None and taken.accepted
