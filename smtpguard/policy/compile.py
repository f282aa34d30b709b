"""From a policy as written to the ``Rulebook`` that the Inspector asks.

The policy's order is kept everywhere. A policy in observe mode becomes one that touches nothing at all: its rules only
observe, and what would have closed a session becomes a tunnel; ``Rulebook.meant`` keeps what was asked for, so that
the records can say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from typing import Literal, cast

from smtpguard.policy.actions import Where
from smtpguard.policy.conditions import conditions
from smtpguard.policy.inheritance import Policy
from smtpguard.policy.matchers import ANY_UNKNOWN
from smtpguard.policy.model import RuleModel
from smtpguard.policy.rulebook import ByVerb, Rule, Rulebook, Rules, only_records
from smtpguard.smtp.verbs import VERBS
from smtpguard.smtp.violations import VIOLATIONS

Pair = tuple[RuleModel, Rule]

_BY_VERB = frozenset(("command", "reply", "payload"))


def compile_policy(policy: Policy, *, observe: bool = False) -> Rulebook:
    """The rulebook of a policy that ``loader`` has found nothing wrong with; with ``observe`` as if its mode were
    that."""
    observing = observe or policy.setting("mode") == "observe"
    pairs: dict[str, list[Pair]] = {}
    for placed in policy.rules:
        rule = _rule(placed.rule, policy.networks, observing=observing)
        pairs.setdefault(rule.where, []).append((placed.rule, rule))
    on_uncertain = "tunnel" if observing else policy.setting("on_uncertain")
    on_crash = "pass" if observing else policy.setting("on_crash")
    turn = "tunnel" if observing else policy.setting("turn")
    harmless = only_records(tuple(rule for found in pairs.values() for _, rule in found))
    meant = {name: str(policy.setting(name)) for name in ("on_uncertain", "on_crash", "turn")} if observing else {}
    return Rulebook(
        name=policy.name,
        summary=policy.model.summary,
        lies=bool(policy.setting("lies")),
        seed=cast(int, policy.setting("seed")),
        on_uncertain=cast(Literal["close", "tunnel"], on_uncertain),
        on_crash=cast(Literal["close", "pass"], on_crash),
        turn=cast(Literal["refuse", "tunnel", "swap"], turn),
        transparent=harmless and on_uncertain == "tunnel" and on_crash == "pass" and turn != "refuse",
        meant=meant,
        connect=_flat(pairs, "connect"),
        greeting=_flat(pairs, "greeting"),
        keyword=_flat(pairs, "keyword"),
        command=_by_verb(pairs.get("command", []), _shortened(policy.limits)),
        reply=_by_verb(pairs.get("reply", [])),
        payload=_by_verb(pairs.get("payload", [])),
        line=_flat(pairs, "line"),
        message=_flat(pairs, "message"),
        violation=_by_violation(pairs.get("violation", [])),
        limits=policy.limits,
    )


def _rule(model: RuleModel, networks: Mapping[str, tuple[str, ...]], *, observing: bool) -> Rule:
    return Rule(
        id=model.id,
        where=model.where,
        action=model.then,
        conditions=conditions(model, networks, by_verb=model.where in _BY_VERB),
        observe=observing or model.mode == "observe",
        event=model.event,
        nth=frozenset(model.nth) or None,
        first=model.first,
        scope=model.scope,
        probability=model.probability,
    )


def _flat(pairs: Mapping[str, list[Pair]], where: Where) -> Rules:
    return tuple(rule for _, rule in pairs.get(where, []))


def _shortened(limits: Mapping[str, int]) -> tuple[str, ...]:
    """The verbs whose lines a policy wants shorter than the table: they are looked at as if a rule named them."""
    return tuple(verb for verb, octets in limits.items() if verb in VERBS and octets < VERBS[verb].max_length)


def _by_verb(pairs: list[Pair], looked_at: tuple[str, ...] = ()) -> ByVerb:
    """Places are gathered in one pass: asking every rule about every verb would take seconds of a large policy."""
    for_any: list[int] = []
    naming: dict[str, list[int]] = {verb: [] for verb in looked_at}
    for place, (model, _) in enumerate(pairs):
        if not model.verb:
            for_any.append(place)
        for verb in model.verb:
            naming.setdefault(verb, []).append(place)
    for_unknown = naming.pop(ANY_UNKNOWN, [])

    def rules(*places: list[int]) -> Rules:
        return tuple(pairs[place][1] for place in sorted({*chain.from_iterable(places)}))

    return ByVerb(
        # A verb outside the table is an unknown one too.
        named={name: rules(for_any, places, [] if name in VERBS else for_unknown) for name, places in naming.items()},
        known=rules(for_any),
        unknown=rules(for_any, for_unknown),
    )


def _by_violation(pairs: list[Pair]) -> dict[str, Rules]:
    found = {
        name: tuple(rule for model, rule in pairs if not model.violation or name in model.violation)
        for name in VIOLATIONS
    }
    return {name: rules for name, rules in found.items() if rules}
