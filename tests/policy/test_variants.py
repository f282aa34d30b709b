"""``variants``: laid over their policy, chosen by a colon and a name, the first for the bare name."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtpguard.policy import library
from smtpguard.policy.actions import Close, Reject
from smtpguard.policy.errors import PolicyError
from smtpguard.policy.loader import load_policy, read_policy

from .writing import write

BOX = """
summary: A box
source: its manual
seed: 1
rules:
  - {id: known, on: command, verb: NOOP, then: pass}
  - {id: unknown, on: command, then: close}
variants:
  close: {summary: closes}
  reply:
    summary: answers
    source: a forum
    seed: 2
    lies: true
    rules:
      - {id: unknown, on: command, then: {reject: 250}}
      - {id: first, on: command, verb: QUIT, then: pass}
"""


@pytest.fixture
def box(tmp_path: Path) -> str:
    return write(tmp_path, BOX)


def ids(name: str) -> list[str]:
    policy, problems = read_policy(name)
    assert policy is not None
    assert problems == []
    return [placed.rule.id for placed in policy.rules]


def test_the_bare_name_is_the_first_variant(box: str) -> None:
    assert ids(box) == ids(f"{box}:close") == ["known", "unknown"]
    assert [rule.action for rule in load_policy(box).command.known] == [Close()]
    assert (load_policy(box).summary, load_policy(f"{box}:close").summary) == ("A box", "closes")


def test_a_variants_rule_takes_the_place_of_its_namesake_and_new_ones_go_before(box: str) -> None:
    assert ids(f"{box}:reply") == ["first", "known", "unknown"]
    (rule,) = load_policy(f"{box}:reply").command.known
    assert isinstance(rule.action, Reject)


def test_a_variant_says_settings_anew_and_only_its_own(box: str) -> None:
    assert [(book.seed, book.lies) for book in map(load_policy, (box, f"{box}:reply"))] == [(1, False), (2, True)]


def test_the_source_is_the_policys_where_a_variant_names_none(box: str) -> None:
    sources = [policy.model.source for policy, _ in map(read_policy, (f"{box}:close", f"{box}:reply")) if policy]
    assert sources == ["its manual", "a forum"]


def test_the_rulebook_is_called_as_it_was_asked_for(box: str) -> None:
    assert [load_policy(name).name for name in (box, f"{box}:reply")] == ["x", "x:reply"]


def test_an_unknown_variant_is_answered_with_the_nearest(box: str) -> None:
    with pytest.raises(PolicyError, match=r"has no variant 'rely' \(did you mean 'reply'\?\)"):
        load_policy(f"{box}:rely")
    with pytest.raises(PolicyError, match=r"'eat-blob' has no variant 'x' \(it has no variants\)"):
        load_policy("eat-blob:x")


def test_a_policy_may_extend_a_variant(tmp_path: Path) -> None:
    (tmp_path / "box.yaml").write_text(BOX)
    child = write(tmp_path, "summary: c\nextends: ./box.yaml:reply\n")
    assert ids(child) == ["first", "known", "unknown"]
    assert load_policy(child).seed == 2


def test_a_variant_of_a_policy_that_extends_another(tmp_path: Path) -> None:
    child = write(tmp_path, "summary: c\nextends: eat-blob\nvariants: {a: {summary: v, on-crash: pass}}\n")
    assert ids(f"{child}:a") == ["eat-blob"]
    assert load_policy(f"{child}:a").on_crash == "pass"


def test_a_fault_in_any_variant_is_a_fault_of_the_file(tmp_path: Path) -> None:
    broken = write(tmp_path, BOX.replace("lies: true", "lies: false"))
    assert [str(problem).split(": ", 1)[1] for problem in read_policy(broken)[1]] == [
        "variant reply: then.reject.code: 250 is a success that no server gave "
        "(a code from 400 to 599, or say `lies: true` at the top)"
    ]


@pytest.mark.parametrize(
    ("given", "policy", "variant"),
    [
        ("isa-2000:reply", "isa-2000", "reply"),
        ("./my.yaml:reply", "./my.yaml", "reply"),
        ("my:odd.yaml", "my:odd.yaml", ""),
        (":reply", ":reply", ""),
        ("isa-2000:", "isa-2000:", ""),
        ("isa-2000", "isa-2000", ""),
    ],
)
def test_what_stands_behind_the_colon(given: str, policy: str, variant: str) -> None:
    assert library.split(given) == (policy, variant)
