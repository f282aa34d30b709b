"""Inspectors for tests: from a shipped policy's name, from YAML in the test, or from rules built by hand.

Hand-built rules need no loader, so that the core can be tested without one, and can do what YAML cannot: raise.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from smtpguard.inspection.terms import DEFAULT, Terms
from smtpguard.policy.actions import Action, Where
from smtpguard.policy.rulebook import ByVerb, Condition, Facts, Rule, Rulebook, Rules
from tests.playbook.playbook import Factory

CLIENT_ADDRESS = "198.51.100.7"
SERVER_ADDRESS = "192.0.2.25"

UNKNOWN = "?"  # stands for every verb outside the table


class Draft(NamedTuple):
    """A rule, and the verbs it is asked for (none: any)."""

    rule: Rule
    verbs: tuple[str, ...]


def rule(
    name: str,
    where: Where,
    action: Action,
    *,
    verb: str | Iterable[str] = (),
    keyword: str | None = None,
    code: int | None = None,
    violation: str | None = None,
    when: Condition | None = None,
    **counted: Any,
) -> Draft:
    """One rule by hand; ``counted`` are the fields observe, event, nth, first, scope and probability of ``Rule``."""
    conditions: list[Callable[[Facts], bool]] = []
    if keyword is not None:
        conditions.append(lambda facts: facts.keyword == keyword)
    if code is not None:
        conditions.append(lambda facts: facts.code == code)
    if violation is not None:
        conditions.append(lambda facts: facts.violation == violation)
    if when is not None:
        conditions.append(when)
    verbs = (verb,) if isinstance(verb, str) else tuple(verb)
    return Draft(Rule(name, where, action, tuple(conditions), **counted), verbs)


def _by_verb(drafts: list[Draft]) -> ByVerb:
    def asked_for(verb: str | None) -> Rules:
        return tuple(draft.rule for draft in drafts if not draft.verbs or verb in draft.verbs)

    names = {verb for draft in drafts for verb in draft.verbs if verb != UNKNOWN}
    return ByVerb({name: asked_for(name) for name in names}, asked_for(None), asked_for(UNKNOWN))


def rulebook(*drafts: Draft, **settings: Any) -> Rulebook:
    """A rulebook of ``drafts`` in that order; ``settings`` are the other fields of ``Rulebook``."""

    def at(where: Where) -> list[Draft]:
        return [draft for draft in drafts if draft.rule.where == where]

    def plain(where: Where) -> Rules:
        return tuple(draft.rule for draft in at(where))

    violations: dict[str, Rules] = {}
    if at("violation"):
        from smtpguard.smtp.violations import VIOLATIONS

        violations = dict.fromkeys(VIOLATIONS, plain("violation"))
    return Rulebook(
        settings.pop("name", "test"),
        connect=plain("connect"),
        greeting=plain("greeting"),
        keyword=plain("keyword"),
        command=_by_verb(at("command")),
        reply=_by_verb(at("reply")),
        payload=_by_verb(at("payload")),
        line=plain("line"),
        message=plain("message"),
        violation=violations,
        **settings,
    )


@cache
def shipped(policy: str) -> Rulebook:
    """A shipped policy, or the one written in ``policy`` when that is YAML text."""
    from smtpguard.policy.loader import load_policy

    if "\n" not in policy:
        return load_policy(policy)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "test.yaml"
        path.write_text(policy, encoding="utf-8")
        return load_policy(str(path))


def inspector(
    policy: str | Rulebook | Draft, *more: Draft, seed: int = 0, terms: Terms = DEFAULT, **settings: Any
) -> Factory:
    """A factory of Inspectors under ``policy``: a name, YAML text, a rulebook, or drafts of rules."""

    def make() -> Any:
        from smtpguard.inspection.inspector import Inspector

        return Inspector(book, client=CLIENT_ADDRESS, server=SERVER_ADDRESS, rng=Random(seed), terms=terms)

    if isinstance(policy, Draft):
        book = rulebook(policy, *more, **settings)
    else:
        book = shipped(policy) if isinstance(policy, str) else policy
    return make
