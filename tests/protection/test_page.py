"""docs/protection.md is true: its tables are the cases, its policies load, its words are the policies' own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from smtpguard.policy.loader import load_policy, read_policy
from tests.protection.cases import CASES
from tests.protection.page import PAGE, table, tables_of

TEXT = PAGE.read_text(encoding="utf-8")
SMUGGLING = PAGE.with_name("smuggling.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("policy", ["harden", "harden-strict"])
def test_the_tables_are_the_cases(policy: str) -> None:
    assert tables_of(TEXT)[policy] == table(policy), "`make golden` writes them anew"


@pytest.mark.parametrize("block", BLOCKS)
def test_the_policies_load(block: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(block, encoding="utf-8")
    assert load_policy(str(path)).summary


def test_the_examples_are_found() -> None:
    assert len(BLOCKS) == 2


def test_every_rule_that_is_named_exists() -> None:
    rules = {
        placed.rule.id
        for name in ("harden", "harden:normalise", "harden-strict")
        for policy in [read_policy(name)[0]]
        if policy is not None
        for placed in policy.rules
    }
    assert {"offered", "allowed", "blob-cap"} <= rules
    assert {*re.findall(r"rules? `([a-z-]+)`", TEXT)} <= rules
    for case in CASES:
        for step in case.steps:
            for name in re.findall(rb"\[([a-z0-9-]+)\]", step.sees):
                assert name.decode() in rules or b"421 4.5.0" in step.sees, step.sees


def test_the_words_on_smuggling_are_those_of_the_case() -> None:
    (reply,) = {step.sees for case in CASES if case.ref == "B1" for step in case.steps if step.sees[:3] == b"550"}
    assert f"`{reply.decode().strip()}`" in SMUGGLING
