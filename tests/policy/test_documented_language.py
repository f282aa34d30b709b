"""docs/policies.md is true: it names every word of the language, and each of its examples loads."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smtpguard.policy.actions import ACTIONS, WHERES
from smtpguard.policy.checks import CONDITIONS
from smtpguard.policy.loader import load_policy
from smtpguard.policy.model import PolicyModel, RuleModel

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


def test_defaults_are_as_documented() -> None:
    model = PolicyModel.model_validate({"summary": "s"})
    for line in TEXT.splitlines():
        row = re.match(r"\| `([a-z-]+)` \| [^|]* \| `?([a-z0-9]+)`? \| ", line)
        if row and row[1] in ("mode", "on-uncertain", "on-crash", "turn", "lies", "seed"):
            assert str(getattr(model, row[1].replace("-", "_"))).lower() == row[2]


def test_the_extending_example_asks_the_new_rule_first(tmp_path: Path) -> None:
    rulebook = load_policy(write(tmp_path, BLOCKS[2]))
    assert [rule.id for rule in rulebook.payload.named["XEXCH50"]] == ["internal-passes", "eat-blob"]
