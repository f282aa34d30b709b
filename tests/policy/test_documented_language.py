"""docs/policies.md is true: it names every word of the language, and each of its examples loads."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import pytest

from smtpguard.policy.actions import ACTIONS, WHERES, Mask, Misread
from smtpguard.policy.checks import CONDITIONS, PLACEHOLDERS
from smtpguard.policy.loader import load_policy
from smtpguard.policy.matchers import STATES
from smtpguard.policy.model import PolicyModel, RuleModel
from smtpguard.policy.rulebook import SCOPES
from smtpguard.smtp.violations import VIOLATIONS

from .writing import book, write

TEXT = (Path(__file__).parents[2] / "docs" / "policies.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
RULES = re.findall(r"`(\{id: .*?\})` \|$", TEXT, re.MULTILINE)


def first_words(heading: str) -> list[str]:
    """The words in the first column of the table under ``heading``."""
    section = TEXT.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def test_the_examples_are_found() -> None:
    assert len(BLOCKS) == 4
    assert len(RULES) == len(WHERES) + len(set().union(*CONDITIONS.values())) + len(ACTIONS)


@pytest.mark.parametrize("block", BLOCKS)
def test_policy_loads(block: str, tmp_path: Path) -> None:
    assert load_policy(write(tmp_path, block)).summary


@pytest.mark.parametrize("rule", RULES)
def test_rule_loads(rule: str, tmp_path: Path) -> None:
    book(tmp_path, rule)


def test_the_tables_name_every_word() -> None:
    assert first_words("Settings") == [
        "summary", "source", "mode", "on-uncertain", "on-crash", "turn", "lies", "seed", "networks", "limits",
        "extends", "variants", "rules",
    ]  # fmt: skip
    assert {*first_words("Settings")} == {info.alias or name for name, info in PolicyModel.model_fields.items()}
    assert first_words("Where") == [*WHERES]
    aliases = {name: info.alias or name for name, info in RuleModel.model_fields.items()}
    assert {*first_words("When")} == {aliases[name] for name in set().union(*CONDITIONS.values())}
    assert first_words("Then") == [*ACTIONS]


def rows(heading: str) -> dict[str, str]:
    """The rows of the table under ``heading`` by their first word, as they stand."""
    section = TEXT.split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    return {row[1]: row[0] for row in re.finditer(r"^\| `([^`]+)` \|.*$", section, re.MULTILINE)}


@pytest.mark.parametrize("action", ACTIONS)
def test_every_field_of_an_action_is_named(action: str) -> None:
    column = rows("Then")[action].split("|")[2]
    assert {*re.findall(r"`([^`]+)`", column)} >= {field.name for field in dataclasses.fields(ACTIONS[action])}


@pytest.mark.parametrize(
    ("heading", "row", "words"),
    [
        ("When", "scope", SCOPES),
        ("When", "state", STATES),
        ("When", "section", ("header", "body")),
        ("Then", "mask", get_args(get_type_hints(Mask)["style"])),
        ("Then", "misread", get_args(get_type_hints(Misread)["into"])),
        ("Then", "rewrite", tuple(f"{{{word}}}" for word in PLACEHOLDERS)),
        *(
            ("Settings", info.alias or name, get_args(info.annotation))
            for name, info in PolicyModel.model_fields.items()
            if get_origin(info.annotation) is Literal
        ),
    ],
)
def test_every_word_of_a_choice_is_named(heading: str, row: str, words: tuple[str, ...]) -> None:
    assert words
    assert {*re.findall(r"`([^`]+)`", rows(heading)[row])} >= {*words}


def test_every_violation_is_named_with_its_source() -> None:
    documented = {name: [cell.strip() for cell in row.split("|")[2:-1]] for name, row in rows("Violations").items()}
    assert documented == {
        row.name: [row.blame.value, row.summary, row.source, "yes" if row.uncertain else ""]
        for row in VIOLATIONS.values()
    }


def test_fields_beside_conditions_are_named() -> None:
    conditions = set().union(*CONDITIONS.values())
    for name, info in RuleModel.model_fields.items():
        if name not in conditions:
            assert f"`{info.alias or name}" in TEXT, name


def test_defaults_are_as_documented() -> None:
    model = PolicyModel.model_validate({"summary": "s"})
    for line in TEXT.splitlines():
        row = re.match(r"\| `([a-z-]+)` \| [^|]* \| `?([a-z0-9]+)`? \| ", line)
        if row and row[1] in ("mode", "on-uncertain", "on-crash", "turn", "lies", "seed"):
            assert str(getattr(model, row[1].replace("-", "_"))).lower() == row[2]


def test_the_extending_example_asks_the_new_rule_first(tmp_path: Path) -> None:
    rulebook = load_policy(write(tmp_path, BLOCKS[2]))
    assert [rule.id for rule in rulebook.payload.named["XEXCH50"]] == ["internal-passes", "eat-blob"]
