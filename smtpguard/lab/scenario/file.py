"""Scenarios from the package by name, and from files of the user's by path.

Raises ``LabError`` with file, line, column and the nearest valid word. Policies that a user's file names by a path
count from the folder of that file; a file without a ``name`` is called after itself.
"""

from __future__ import annotations

from pathlib import Path

from smtpguard.lab import documents
from smtpguard.lab.errors import LabError
from smtpguard.lab.firewall import known_policies
from smtpguard.lab.scenario.model import NO_FIREWALL, Scenario
from smtpguard.policy import library
from smtpguard.policy.errors import suggestion
from smtpguard.policy.explain import problem
from smtpguard.policy.positions import Document

_SUFFIXES = (".yaml", ".yml")


def scenario_names() -> list[str]:
    """The scenarios that ship, in the order in which they are listed."""
    return documents.names("scenarios")


def load_scenario(name_or_path: str) -> Scenario:
    """The scenario of that name, or in that file."""
    if "/" not in name_or_path and not name_or_path.endswith(_SUFFIXES):
        document = documents.find("scenarios", name_or_path)
        return _whole(document, Path())
    path = Path(name_or_path)
    document = documents.from_file(path)
    if isinstance(document.value, dict):
        document.value.setdefault("name", path.stem)
    return _whole(document, path.parent)


def _whole(document: Document, folder: Path) -> Scenario:
    scenario = documents.fit(document, Scenario)
    profiles = documents.names("profiles")
    if scenario.receiver.profile not in profiles:
        raise _wrong(document, ("receiver", "profile"), "profile", scenario.receiver.profile, profiles)
    policies = [NO_FIREWALL, *known_policies()]
    for word in (scenario.firewall, *scenario.expects):
        if not _is_path(word) and library.split(word)[0] not in policies:
            place = ("expects", word) if word in scenario.expects else ("firewall",)
            raise _wrong(document, place, "policy", word, policies)
    expects = {placed(word, folder): ending for word, ending in scenario.expects.items()}
    return scenario.model_copy(update={"firewall": placed(scenario.firewall, folder), "expects": expects})


def placed(word: str, folder: Path) -> str:
    """A policy as ``folder``'s documents name it: a path counts from there, in its plainest form; a name stays."""
    return str(folder / word) if _is_path(word) else word


def _wrong(document: Document, path: tuple[str, ...], kind: str, word: str, known: list[str]) -> LabError:
    return LabError(str(problem(document, path, f"unknown {kind} '{word}'", suggestion(word, known), key=True)))


def _is_path(word: str) -> bool:
    return "/" in word or word.endswith(_SUFFIXES)
