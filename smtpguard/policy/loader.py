"""Policies from files: read, parse, validate, join with what they extend, check, compile.

``load_policy`` gives a ``Rulebook`` or raises the first ``PolicyError`` of the file; ``read_policy`` gives all of them.
No input makes them fail otherwise: what cannot be opened, decoded or parsed is a ``PolicyError`` too.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from smtpguard.policy import library
from smtpguard.policy.checks import findings
from smtpguard.policy.compile import compile_policy
from smtpguard.policy.errors import PolicyError, quoted, suggestion
from smtpguard.policy.explain import problem, problems
from smtpguard.policy.inheritance import PlacedRule, Policy, Variant, join, vary
from smtpguard.policy.model import VARIANT_NAME, PolicyModel, RuleModel, SettingsModel, VariantModel
from smtpguard.policy.positions import Document, read_yaml
from smtpguard.policy.positions import Path as Place
from smtpguard.policy.rulebook import Rulebook

Model = TypeVar("Model", bound=SettingsModel)

MAX_OCTETS = 1 << 20
"""The largest policy file. Ours: a thousand times the shipped ones, and still read in well under a minute."""


def load_policy(name_or_path: str, *, observe: bool = False) -> Rulebook:
    """The rulebook of a shipped policy (by name) or of a file (by path), of the variant that is named behind a colon
    or of the first; with ``observe`` one that touches nothing. Raises ``PolicyError``."""
    policy, found = read_policy(name_or_path)
    if policy is None or found:
        raise found[0]
    return compile_policy(policy, observe=observe)


def read_policy(name_or_path: str) -> tuple[Policy | None, list[PolicyError]]:
    """The policy, where it can be made sense of, and every problem in its file, in the order of the file."""
    reading = _Reading()
    try:
        word, variant = library.split(name_or_path)
        path = library.find(word)
        family = reading.family(path)
        policy = _pick(family, variant) if family is not None else None
    except PolicyError as error:
        return None, [error]
    if family is not None:
        for member in family.values():
            reading.found += _senseless(member)
    reading.found.sort(key=lambda error: (error.file, error.line or 0, error.column or 0))
    return policy, list({str(error): error for error in reading.found}.values())


def _pick(family: dict[str, Policy], variant: str) -> Policy:
    """The named one of the variants; raises ``PolicyError``."""
    if variant not in family:
        names = [name for name in family if name]
        hint = suggestion(variant, names) if names else "it has no variants"
        raise PolicyError(f"the policy '{family[''].name}' has no variant '{variant}'", hint=hint)
    return family[variant]


class _Reading:
    """One policy and everything that it extends, each file once."""

    def __init__(self) -> None:
        self.found: list[PolicyError] = []
        self._done: dict[Path, dict[str, Policy] | None] = {}
        self._open: list[Path] = []

    def family(self, path: Path) -> dict[str, Policy] | None:
        """The policy in ``path`` and its variants, by name, "" for the bare one; None where its fields are wrong (then
        ``found`` says how)."""
        real = path.resolve()
        if real not in self._done:
            self._open.append(real)
            self._done[real] = self._fresh(path)
            self._open.pop()
        return self._done[real]

    def _fresh(self, path: Path) -> dict[str, Policy] | None:
        document = read_document(path)
        model, rules, variants = self._validate(document)
        if model is None or variants is None:
            return None
        parents = [self._parent(word, index, path, document, model) for index, word in enumerate(model.extends)]
        whole = [parent for parent in parents if parent is not None]
        if len(whole) < len(parents):
            return None
        base = join(path.stem, model, document, rules, whole)
        base.extends = model.extends
        return vary(base, variants)

    def _validate(self, document: Document) -> tuple[PolicyModel | None, list[PlacedRule], list[Variant] | None]:
        if document.value is None:
            self.found.append(problem(document, (), "the policy is empty", "it needs at least a `summary`"))
            return None, [], None
        head = document.value
        raw_rules: object = []
        raw_variants: object = {}
        if isinstance(head, dict):
            raw_rules = head.get("rules", [])
            raw_variants = head.get("variants", {})
            head = {key: value for key, value in head.items() if key not in ("rules", "variants")}
        rules = self._rules(raw_rules, document, ("rules",))
        variants = self._variants(raw_variants, document)
        return self._model(PolicyModel, head, document, ()), rules, variants

    def _model(self, kind: type[Model], head: object, document: Document, base: Place) -> Model | None:
        try:
            return kind.model_validate(head)
        except ValidationError as error:
            self.found += problems(error, document, base, kind)
            return None

    def _variants(self, raw: object, document: Document) -> list[Variant] | None:
        """The variants, None where any is wrong."""
        if not isinstance(raw, dict):
            hint = "such as `reply: {summary: Answers instead}`"
            self.found.append(problem(document, ("variants",), "expected names with variants", hint))
            return None
        made = [self._variant(name, value, document) for name, value in raw.items()]
        whole = [variant for variant in made if variant is not None]
        return whole if len(whole) == len(made) else None

    def _variant(self, name: str, value: object, document: Document) -> Variant | None:
        place: Place = ("variants", name)
        if not VARIANT_NAME.match(name):
            message = f"{quoted(name)} cannot name a variant"
            self.found.append(problem(document, place, message, "a-z, 0-9 and hyphens", key=True))
            return None
        rules: list[PlacedRule] = []
        if isinstance(value, dict):
            rules = self._rules(value.get("rules", []), document, (*place, "rules"))
            value = {key: item for key, item in value.items() if key != "rules"}
        model = self._model(VariantModel, value, document, place)
        return Variant(name, model, rules) if model is not None else None

    def _rules(self, raw: object, document: Document, base: Place) -> list[PlacedRule]:
        if not isinstance(raw, list):
            self.found.append(problem(document, base, "expected a list of rules", "each begins with `- id: `"))
            return []
        placed: list[PlacedRule] = []
        seen: dict[str, Place] = {}
        for index, value in enumerate(raw):
            place: Place = (*base, index)
            try:
                rule = RuleModel.model_validate(value)
            except ValidationError as error:
                self.found += problems(error, document, place, RuleModel)
                continue
            if rule.id in seen:
                first = document.locate((*seen[rule.id], "id")).line
                message = f"the id '{rule.id}' is given twice, first in line {first}"
                self.found.append(problem(document, (*place, "id"), message, "call one of them otherwise"))
            seen.setdefault(rule.id, place)
            placed.append(PlacedRule(rule, document, place))
        return placed

    def _parent(self, word: str, index: int, path: Path, document: Document, model: PolicyModel) -> Policy | None:
        listed = isinstance(document.value, dict) and isinstance(document.value["extends"], list)
        place = ("extends", index) if listed else ("extends",)
        try:
            name, variant = library.split(word)
            parent = library.find(name, path.parent)
            if parent.resolve() in self._open:
                round_trip = [entry.name for entry in self._open[self._open.index(parent.resolve()) :]]
                chain = " -> ".join([*round_trip, parent.name])
                raise PolicyError(f"extends itself: {chain}", hint="leave one of them out")
            family = self.family(parent)
            return None if family is None else _pick(family, variant)
        except PolicyError as error:
            if error.line is not None:  # a fault inside the extended file, which names its own place
                self.found.append(error)
            else:
                message = f"{error.file}: {error.message}" if error.file else error.message
                hint = error.hint or "a path counts from the folder of this file"
                self.found.append(problem(document, place, message, hint))
            return None


def read_document(path: Path) -> Document:
    """The plain values of a file and their positions; raises ``PolicyError``."""
    name = _shown(path)
    try:
        with path.open("rb") as stream:
            octets = stream.read(MAX_OCTETS + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = "give the file, not the folder" if isinstance(error, IsADirectoryError) else ""
        raise PolicyError(f"cannot be read: {reason}", file=name, hint=hint) from error
    if len(octets) > MAX_OCTETS:
        raise PolicyError(f"is larger than {MAX_OCTETS} octets, too large for a policy", file=name)
    try:
        return read_yaml(octets.decode("utf-8-sig"), name)
    except UnicodeDecodeError as error:
        before = octets[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - before.rfind(b"\n")
        message = f"not UTF-8: octet 0x{octets[error.start]:02x}"
        raise PolicyError(message, file=name, line=line, column=column, hint="save the file as UTF-8") from error


def _shown(path: Path) -> str:
    """The path as errors name it: from the current folder where it lies below it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except (ValueError, OSError):
        return str(path)


def _senseless(policy: Policy) -> list[PolicyError]:
    lies = bool(policy.setting("lies"))
    return [
        problem(placed.document, (*placed.path, *item.path), item.message, item.hint, key=item.key)
        for placed in policy.rules
        for item in findings(placed.rule, lies=lies, networks=policy.networks)
    ]
