"""``extends``: whose rules come first, what replaces what, which settings and networks are inherited."""

from __future__ import annotations

from pathlib import Path

from smtpguard.policy.loader import load_policy, read_policy
from smtpguard.policy.rulebook import Rules

from .writing import write

PARENT = (
    "summary: p\non-uncertain: tunnel\nseed: 7\nnetworks: {lab: 192.0.2.0/24, other: 10.0.0.0/8}\nrules:\n"
    "  - {id: one, on: keyword, keyword: A, then: strip}\n"
    "  - {id: two, on: keyword, keyword: B, then: strip}\n"
    "  - {id: three, on: keyword, client: lab, then: strip}\n"
)


def ids(rules: Rules) -> list[str]:
    return [rule.id for rule in rules]


def test_own_rules_first_and_the_same_id_in_place(tmp_path: Path) -> None:
    write(tmp_path, PARENT, "p.yaml")
    child = (
        "summary: c\nextends: p.yaml\nrules:\n"
        "  - {id: mine, on: keyword, keyword: C, then: pass}\n"
        "  - {id: two, on: keyword, keyword: B, then: {mask: star}}\n"
        "  - {id: last, on: keyword, keyword: D, then: pass}\n"
    )
    rulebook = load_policy(write(tmp_path, child))
    assert ids(rulebook.keyword) == ["mine", "last", "one", "two", "three"]
    assert [rule.action.name for rule in rulebook.keyword] == ["pass", "pass", "strip", "mask", "strip"]
    assert rulebook.summary == "c"
    assert rulebook.name == "x"


def test_settings_that_are_left_out_are_inherited(tmp_path: Path) -> None:
    write(tmp_path, PARENT, "p.yaml")
    rulebook = load_policy(write(tmp_path, "summary: c\nextends: p.yaml\non-crash: pass\n"))
    assert (rulebook.on_uncertain, rulebook.on_crash, rulebook.seed, rulebook.turn) == ("tunnel", "pass", 7, "refuse")
    said = load_policy(write(tmp_path, "summary: c\nextends: p.yaml\non-uncertain: close\nseed: 0\n"))
    assert (said.on_uncertain, said.seed) == ("close", 0), "a default that is written down wins too"


def test_of_several_parents_the_first_wins(tmp_path: Path) -> None:
    write(tmp_path, PARENT, "p.yaml")
    write(tmp_path, "summary: q\nseed: 9\nturn: swap\nrules:\n  - {id: one, on: keyword, then: pass}\n"
                    "  - {id: four, on: keyword, then: pass}\n", "q.yaml")  # fmt: skip
    rulebook = load_policy(write(tmp_path, "summary: c\nextends: [q.yaml, p.yaml]\n"))
    assert ids(rulebook.keyword) == ["one", "four", "two", "three"]
    assert (rulebook.seed, rulebook.turn, rulebook.on_uncertain) == (9, "swap", "tunnel")


def test_networks_are_inherited_and_redefined(tmp_path: Path) -> None:
    write(tmp_path, PARENT, "p.yaml")
    policy, problems = read_policy(write(tmp_path, "summary: c\nextends: p.yaml\nnetworks: {lab: 198.51.100.0/24}\n"))
    assert problems == []
    assert policy is not None
    assert policy.networks == {"lab": ("198.51.100.0/24",), "other": ("10.0.0.0/8",)}


def test_a_shipped_policy_and_a_diamond(tmp_path: Path) -> None:
    write(tmp_path, "summary: a\nextends: strip-xexch50\n", "a.yaml")
    write(tmp_path, "summary: b\nextends: strip-xexch50\n", "b.yaml")
    assert ids(load_policy(write(tmp_path, "summary: c\nextends: [a.yaml, b.yaml]\n")).keyword) == ["strip-xexch50"]


def test_lies_is_judged_after_joining(tmp_path: Path) -> None:
    liar = "summary: p\nlies: true\nrules:\n  - {id: lie, on: message, then: {reject: 250}}\n"
    write(tmp_path, liar, "p.yaml")
    assert load_policy(write(tmp_path, "summary: c\nextends: p.yaml\n")).lies
    _, problems = read_policy(write(tmp_path, "summary: c\nextends: p.yaml\nlies: false\n"))
    assert [(Path(error.file).name, error.line) for error in problems] == [("p.yaml", 4)]


def test_limits_are_inherited_verb_by_verb(tmp_path: Path) -> None:
    write(tmp_path, "summary: p\nlimits: {NOOP: 6, RCPT: 266}\n", "p.yaml")
    child = "summary: c\nextends: p.yaml\nlimits: {RCPT: 512}\n"
    assert load_policy(write(tmp_path, child)).limits == {"NOOP": 6, "RCPT": 512}
