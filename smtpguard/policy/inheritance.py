"""``extends``: a policy's rules come first, those of the policies that it extends follow; ``variants`` are alike.

A rule with the id of an inherited one takes its place. A setting that the policy leaves out comes from the first of
the extended policies that says it, and so do a named network and a verb's limit. ``summary`` and ``source`` are never
inherited, but by a variant that leaves its source out. A variant is laid over the policy that it stands in; a policy
with variants is its first one unless another is named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from smtpguard.policy.model import PolicyModel, RuleModel, SettingsModel
from smtpguard.policy.positions import Document, Path

INHERITED = ("mode", "lies", "seed", "on_uncertain", "on_crash", "turn")
"""The settings that pass from a policy to the one that extends it."""


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A rule and where it was written, for errors that only show when policies are joined."""

    rule: RuleModel
    document: Document
    path: Path


@dataclass(frozen=True, slots=True)
class Variant:
    """A variant as it is written: its settings and its own rules."""

    name: str
    model: SettingsModel
    rules: list[PlacedRule]


@dataclass(slots=True)
class Policy:
    """A policy with what it inherits: ``settings`` holds only what some file says; ``variants`` are those of its file,
    by name, with their summaries."""

    name: str
    model: SettingsModel
    document: Document
    settings: dict[str, object] = field(default_factory=dict)
    networks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    rules: list[PlacedRule] = field(default_factory=list)
    extends: tuple[str, ...] = ()
    parents: tuple[Policy, ...] = ()
    variants: dict[str, str] = field(default_factory=dict)

    def setting(self, name: str) -> object:
        """The value of one of ``INHERITED``, its default where no file says it."""
        return self.settings.get(name, PolicyModel.model_fields[name].default)


def join(
    name: str, model: SettingsModel, document: Document, own: list[PlacedRule], parents: Iterable[Policy]
) -> Policy:
    """The policy that ``model`` and its ``own`` rules make on top of ``parents``, of which earlier ones win."""
    parents = tuple(parents)
    joined = Policy(name, model, document, parents=parents)
    joined.settings = {key: getattr(model, key) for key in INHERITED if key in model.model_fields_set}
    joined.networks = dict(model.networks)
    joined.limits = dict(model.limits)
    inherited: dict[str, PlacedRule] = {}
    for parent in parents:
        for key, value in parent.settings.items():
            joined.settings.setdefault(key, value)
        for group, networks in parent.networks.items():
            joined.networks.setdefault(group, networks)
        for verb, octets in parent.limits.items():
            joined.limits.setdefault(verb, octets)
        for placed in parent.rules:
            inherited.setdefault(placed.rule.id, placed)
    replacing = {placed.rule.id: placed for placed in own if placed.rule.id in inherited}
    before = [placed for placed in own if placed.rule.id not in inherited]
    joined.rules = before + [replacing.get(rule_id, placed) for rule_id, placed in inherited.items()]
    return joined


def vary(base: Policy, variants: Iterable[Variant]) -> dict[str, Policy]:
    """What each of the ``variants`` makes of ``base``, by name; "" is what the bare name means."""
    variants = tuple(variants)
    base.variants = {variant.name: variant.model.summary for variant in variants}
    made = {variant.name: _laid_over(base, variant) for variant in variants}
    first = next(iter(made.values()), base)
    return {"": replace(first, name=base.name, model=base.model), **made}


def _laid_over(base: Policy, variant: Variant) -> Policy:
    source = variant.model.source or base.model.source
    model = variant.model.model_copy(update={"source": source})
    joined = join(f"{base.name}:{variant.name}", model, base.document, variant.rules, (base,))
    return replace(joined, extends=base.extends, parents=base.parents, variants=base.variants)
