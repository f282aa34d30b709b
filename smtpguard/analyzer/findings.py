"""What an analysis says: checks, findings and the acceptance test step by step. Plain records, no judgement here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from smtpguard.analyzer.ehlo import Ehlo
from smtpguard.analyzer.lookup import Route
from smtpguard.analyzer.rules import Rule
from smtpguard.analyzer.steps import Name, Step
from smtpguard.analyzer.systems import Classified
from smtpguard.analyzer.target import Target

EXIT_CLEAN = 0
EXIT_WARNINGS = 1
EXIT_ERRORS = 2
EXIT_UNTESTED = 3

Outcome = Literal["passed", "found", "not-applicable", "not-tested"]
# How sure a finding of the path doctor is. certain: no server does this by itself. likely: servers rarely do.
# possible: a server may just as well be set up so. Empty for Microsoft's checks, which ask what is and not why.
Confidence = Literal["", "certain", "likely", "possible"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of its rule: how it ended, why, how sure that is, and the step that shows it."""

    outcome: Outcome
    detail: str
    step: Step | None = None
    confidence: Confidence = ""


@dataclass(frozen=True, slots=True)
class Check:
    """One rule and the verdict on it; a finding where ``verdict.outcome`` is ``found``."""

    rule: Rule
    verdict: Verdict

    @property
    def causes(self) -> tuple[str, ...]:
        """What may lie behind the finding, as far as it is known at which step it was made."""
        step = self.verdict.step
        own = self.rule.step_causes.get(step.name) if step is not None else None
        return (own, *self.rule.causes) if own else self.rule.causes

    @property
    def sent(self) -> bytes:
        """The octets of ours that showed it; empty where nothing was sent, as at the banner."""
        return self.verdict.step.sent if self.verdict.step is not None else b""

    @property
    def received(self) -> bytes:
        """What came back; empty where nothing did."""
        return self.verdict.step.received if self.verdict.step is not None else b""


@dataclass(frozen=True, slots=True)
class AcceptanceStep:
    """One step of the mail acceptance test: passed, failed, or None when the test did not come so far."""

    name: Name
    wants: str
    passed: bool | None
    answer: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """The mail acceptance test. ``without_data``: the older edition, which stops after RCPT. ``with_data``: the newer.

    Either is None when it was not tried.
    """

    steps: tuple[AcceptanceStep, ...]
    without_data: bool | None
    with_data: bool | None


@dataclass(frozen=True, slots=True)
class Suspect:
    """A box that the path doctor names: its behaviour is that of the persona ``policy``, on the wire that was seen.

    ``same``: further personas whose wire is the same on purpose, so that nobody could tell them apart from outside.
    ``box``: the product or the kind of box. ``why``: what was seen, in plain words. ``cures`` bear their KB numbers.
    """

    policy: str
    box: str
    confidence: Confidence
    why: tuple[str, ...]
    cures: tuple[str, ...]
    source: str
    same: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that changes on the way through the box: what it is, past the box and through it, in plain words.

    ``sent`` led to both answers; each answer is the octets that came back, empty for none.
    """

    what: str
    detail: str
    sent: bytes
    past: bytes
    through: bytes


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same probes at a second vantage point, past the box. ``untested``: why it could not be looked at."""

    past: Target
    differences: tuple[Difference, ...] = ()
    untested: str = ""


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything that one run found. ``contradiction``: both truths in plain words where mail flows and the test errs.

    ``route``: where the target was looked for. ``sessions``: the steps of each session by its title, those of the
    probes too. ``untested``: why nothing could be judged; no checks then. ``suspects``: the boxes that the path doctor
    names, the likeliest first.
    """

    target: Target
    sessions: dict[str, tuple[Step, ...]]
    route: Route | None = None
    untested: Check | None = None
    ehlo: Ehlo | None = None
    classified: Classified | None = None
    acceptance: Acceptance | None = None
    checks: tuple[Check, ...] = ()
    contradiction: str = ""
    suspects: tuple[Suspect, ...] = ()
    comparison: Comparison | None = None

    @property
    def findings(self) -> list[Check]:
        """The checks that found something, errors first, else in the order of the table."""
        found = [check for check in self.checks if check.verdict.outcome == "found"]
        return [self.untested] if self.untested else sorted(found, key=lambda check: check.rule.severity != "error")

    @property
    def exit_status(self) -> int:
        """0 clean, 1 warnings, 2 errors, 3 could not test."""
        severities = {check.rule.severity for check in self.findings}
        if "untested" in severities:
            return EXIT_UNTESTED
        return EXIT_ERRORS if "error" in severities else EXIT_WARNINGS if severities else EXIT_CLEAN
