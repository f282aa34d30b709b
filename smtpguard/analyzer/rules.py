"""The rules as data: ``rules.yaml`` and its model. The triggers are in ``analyzer.judges``."""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from smtpguard.analyzer import tables

Severity = Literal["error", "warning", "untested"]
Trigger = Literal[
    "keyword-missing",
    "mail-acceptance",
    "bdat-acceptance",
    "banner-not-default",
    "smtp-proxy",
    "default-verbs",
    "ehlo-malformed",
    "exchanger-unreachable",
    "probe",
    "untestable",
]


class Rule(BaseModel):
    """``title`` is Microsoft's own where ``origin`` says so. ``keyword``: of a ``keyword-missing`` rule.

    ``step_causes``: what may lie behind the failure of one step, by its name; told before ``causes``.
    ``failure``: of an ``untestable`` rule, the failure of the step that it is about. ``box``: what stands in the path
    when a probe finds this; ``policies``: shipped policies that reproduce it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    origin: Literal["microsoft", "smtpguard"]
    severity: Severity
    trigger: Trigger
    source: str
    causes: tuple[str, ...] = ()
    step_causes: dict[str, str] = {}
    remedies: tuple[str, ...] = Field(min_length=1)
    keyword: str = ""
    failure: str = ""
    box: str = ""
    policies: tuple[str, ...] = ()


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[Rule, ...]


@cache
def rules() -> tuple[Rule, ...]:
    """Every rule, in the order of a report."""
    return tables.load("rules", _Table).rules


@cache
def symptoms() -> tuple[Rule, ...]:
    """What the path doctor may find, one rule a kind of trace, in the order of a report."""
    return tables.load("symptoms", _Table).rules


def rule_for_failure(failure: str) -> Rule:
    """The rule that says why nothing could be tested."""
    return next(rule for rule in rules() if rule.failure == failure)
