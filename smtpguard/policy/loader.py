"""Policies from files: read, parse, validate, join with what they extend, check, compile.

``load_policy`` gives a ``Rulebook`` or raises the first ``PolicyError`` of the file; ``read_policy`` gives all of them.
No input makes them fail otherwise: what cannot be opened, decoded or parsed is a ``PolicyError`` too.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from smtpguard.policy import library
from smtpguard.policy.checks import findings
from smtpguard.policy.compile import compile_policy
from smtpguard.policy.errors import PolicyError
from smtpguard.policy.explain import problem, problems
from smtpguard.policy.inheritance import PlacedRule, Policy, join
from smtpguard.policy.model import PolicyModel, RuleModel
from smtpguard.policy.positions import Document, read_yaml
from smtpguard.policy.rulebook import Rulebook

MAX_OCTETS = 1 << 20
"""The largest policy file. Ours: a thousand times the shipped ones, and still read in well under a minute."""


def load_policy(name_or_path: str) -> Rulebook:
    """The rulebook of a shipped policy (by name) or of a file (by path); raises ``PolicyError``."""
    policy, found = read_policy(name_or_path)
    if policy is None or found:
        raise found[0]
    return compile_policy(policy)


def read_policy(name_or_path: str) -> tuple[Policy | None, list[PolicyError]]:
    """The policy, where it can be made sense of, and every problem in it, in the order of the file."""
    reading = _Reading()
    try:
        policy = reading.policy(library.find(name_or_path))
    except PolicyError as error:
        return None, [error]
    if policy is not None:
        reading.found += _senseless(policy)
    reading.found.sort(key=lambda error: (error.file, error.line or 0, error.column or 0))
    return policy, reading.found


class _Reading:
    """One policy and everything that it extends, each file once."""

    def __init__(self) -> None:
        self.found: list[PolicyError] = []
        self._done: dict[Path, Policy | None] = {}
        self._open: list[Path] = []

    def policy(self, path: Path) -> Policy | None:
        """The policy in ``path``; None where its fields are wrong (then ``found`` says how)."""
        real = path.resolve()
        if real not in self._done:
            self._open.append(real)
            self._done[real] = self._fresh(path)
            self._open.pop()
        return self._done[real]

    def _fresh(self, path: Path) -> Policy | None:
        document = read_document(path)
        model, rules = self._validate(document)
        if model is None:
            return None
        parents = [self._parent(word, index, path, document, model) for index, word in enumerate(model.extends)]
        whole = [parent for parent in parents if parent is not None]
        return join(path.stem, model, document, rules, whole) if len(whole) == len(parents) else None

    def _validate(self, document: Document) -> tuple[PolicyModel | None, list[PlacedRule]]:
        if document.value is None:
            self.found.append(problem(document, (), "the policy is empty", "it needs at least a `summary`"))
            return None, []
        head = document.value
        raw_rules: object = []
        if isinstance(head, dict):
            raw_rules = head.get("rules", [])
            head = {key: value for key, value in head.items() if key != "rules"}
        rules = self._rules(raw_rules, document)
        try:
            return PolicyModel.model_validate(head), rules
        except ValidationError as error:
            self.found += problems(error, document, (), PolicyModel)
            return None, rules

    def _rules(self, raw: object, document: Document) -> list[PlacedRule]:
        if not isinstance(raw, list):
            self.found.append(problem(document, ("rules",), "expected a list of rules", "each begins with `- id: `"))
            return []
        placed: list[PlacedRule] = []
        seen: dict[str, int] = {}
        for index, value in enumerate(raw):
            try:
                rule = RuleModel.model_validate(value)
            except ValidationError as error:
                self.found += problems(error, document, ("rules", index), RuleModel)
                continue
            if rule.id in seen:
                first = document.locate(("rules", seen[rule.id], "id")).line
                message = f"the id '{rule.id}' is given twice, first in line {first}"
                self.found.append(problem(document, ("rules", index, "id"), message))
            seen.setdefault(rule.id, index)
            placed.append(PlacedRule(rule, document, index))
        return placed

    def _parent(self, word: str, index: int, path: Path, document: Document, model: PolicyModel) -> Policy | None:
        listed = isinstance(document.value, dict) and isinstance(document.value["extends"], list)
        place = ("extends", index) if listed else ("extends",)
        try:
            parent = library.find(word, path.parent)
            if parent.resolve() in self._open:
                round_trip = [entry.name for entry in self._open[self._open.index(parent.resolve()) :]]
                chain = " -> ".join([*round_trip, parent.name])
                raise PolicyError(f"extends itself: {chain}")
            return self.policy(parent)
        except PolicyError as error:
            if error.line is not None:  # a fault inside the extended file, which names its own place
                self.found.append(error)
            else:
                message = f"{error.file}: {error.message}" if error.file else error.message
                self.found.append(problem(document, place, message, error.hint))
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
        problem(placed.document, ("rules", placed.index, *item.path), item.message, item.hint, key=item.key)
        for placed in policy.rules
        for item in findings(placed.rule, lies=lies, networks=policy.networks)
    ]
