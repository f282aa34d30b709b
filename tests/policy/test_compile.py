"""The rulebook holds the policy's rules, in the policy's order, wherever the Inspector looks them up."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.policy import compile as compiling
from smtpguard.policy import rulebook
from smtpguard.policy.actions import Close, Reject
from smtpguard.policy.inheritance import PlacedRule, join
from smtpguard.policy.model import PolicyModel, RuleModel
from smtpguard.policy.positions import Document
from smtpguard.policy.rulebook import ByVerb, Facts, Rule, Rulebook, Rules
from smtpguard.smtp.verbs import VERBS
from smtpguard.smtp.violations import VIOLATIONS

from .writing import book

VERB_WORDS = ("MAIL", "RCPT", "XEXCH50", "XFOO", "WIZ", "unknown")


def made(rules: list[dict[str, object]], **settings: object) -> Rulebook:
    model = PolicyModel.model_validate({"summary": "s", **settings})
    document = Document("x")
    placed = [PlacedRule(RuleModel.model_validate(rule), document, index) for index, rule in enumerate(rules)]
    return compiling.compile_policy(join("x", model, document, placed, []))


def looked_up(by_verb: ByVerb, verb: str) -> Rules:
    """What the Inspector asks for ``verb``."""
    named = by_verb.named.get(verb)
    if named is not None:
        return named
    return by_verb.known if verb in VERBS else by_verb.unknown


@given(st.lists(st.lists(st.sampled_from(VERB_WORDS), max_size=3), max_size=8), st.sampled_from(["command", "reply"]))
def test_every_verb_meets_its_rules_in_the_order_of_the_policy(verbs: list[list[str]], where: str) -> None:
    rules: list[dict[str, object]] = [
        {"id": f"r{index}", "on": where, "then": "record", **({"verb": words} if words else {})}
        for index, words in enumerate(verbs)
    ]
    by_verb = getattr(made(rules), where)
    for verb in ("MAIL", "RCPT", "XEXCH50", "XFOO", "WIZ", "NOOP", "XBAR"):
        words = {verb} if verb in VERBS else {verb, "unknown"}
        expected = [f"r{index}" for index, named in enumerate(verbs) if not named or words & set(named)]
        assert [rule.id for rule in looked_up(by_verb, verb)] == expected


@given(st.lists(st.lists(st.sampled_from(list(VIOLATIONS)), max_size=3), max_size=6))
def test_every_violation_meets_its_rules_in_the_order_of_the_policy(names: list[list[str]]) -> None:
    rules: list[dict[str, object]] = [
        {"id": f"r{index}", "on": "violation", "then": "record", **({"violation": named} if named else {})}
        for index, named in enumerate(names)
    ]
    found = made(rules).violation
    for violation in VIOLATIONS:
        expected = [f"r{index}" for index, named in enumerate(names) if not named or violation in named]
        assert [rule.id for rule in found.get(violation, ())] == expected
    assert all(found.values()), "a violation without rules is not in the mapping, so it costs nothing"


def test_flat_places_keep_their_order_and_judge_the_verb(tmp_path: Path) -> None:
    rulebook = book(
        tmp_path,
        "{id: b, on: message, verb: BDAT, then: record}",
        "{id: k, on: keyword, keyword: X*, then: strip}",
        "{id: a, on: message, then: record}",
        "{id: c, on: connect, then: close}",
        "{id: g, on: greeting, then: {mask: banner}}",
    )
    assert [rule.id for rule in rulebook.message] == ["b", "a"]
    assert [rule.id for rule in rulebook.connect + rulebook.greeting + rulebook.keyword] == ["c", "g", "k"]
    only_bdat = rulebook.message[0].conditions[0]
    assert only_bdat(Facts(verb="BDAT"))
    assert not only_bdat(Facts(verb="DATA"))
    assert not rulebook.command
    assert not rulebook.payload


def test_everything_a_rule_says_arrives(tmp_path: Path) -> None:
    rule: Rule = book(
        tmp_path,
        "{id: a, on: command, verb: NOOP, then: {reject: {code: 451, text: Later}}, event: 20031, mode: observe, "
        "nth: [2, 4], first: 9, scope: guard, probability: 0.5}",
    ).command.named["NOOP"][0]
    assert rule == Rule(
        "a", "command", Reject(451, "4.7.1", "Later"), (), True, 20031, frozenset((2, 4)), 9, "guard", 0.5
    )
    assert Rule("a", "connect", Close()) == book(tmp_path, "{id: a, on: connect, then: close}").connect[0]


def test_counted_rules_act_at_their_matches_only(tmp_path: Path) -> None:
    second = book(tmp_path, "{id: a, on: command, verb: NOOP, nth: 2, then: close}").command.named["NOOP"][0]
    tally: dict[str, int] = {}
    assert [second.matches(Facts(verb="NOOP"), tally, {}, Random(0)) for _ in range(3)] == [False, True, False]


def test_counts_of_each_client_sender_or_recipient(tmp_path: Path) -> None:
    rule = "{id: a, on: command, verb: RCPT, first: 1, scope: recipient, then: {reject: 451}}"
    greylist = book(tmp_path, rule).command.named["RCPT"][0]
    guard: dict[str, int] = {}
    asked = [b"a@x.example", b"b@x.example", b"A@X.Example", b"b@x.example", b"c@x.example"]
    judged = [greylist.matches(Facts(recipient=recipient), {}, guard, Random(0)) for recipient in asked]
    assert judged == [True, True, False, False, True]
    assert sorted(guard.values()) == [1, 2, 2]


def test_counts_of_single_peers_are_bounded_and_the_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rulebook, "MAX_TALLIES", 3)
    rules = book(
        tmp_path,
        "{id: whole, on: connect, first: 1, scope: guard, then: {close: 421}}",
        "{id: each, on: connect, first: 1, scope: client, then: {close: 421}}",
    ).connect
    guard: dict[str, int] = {}

    def judged(number: int) -> list[bool]:
        facts = Facts(client=ip_address(f"192.0.2.{number}"))
        return [rule.matches(facts, {}, guard, Random(0)) for rule in rules]

    assert [judged(number) for number in (1, 2, 1, 3)] == [[True, True], [False, True], [False, False], [False, True]]
    assert guard == {"whole": 4, "each 192.0.2.1": 2, "each 192.0.2.3": 1}


def test_an_endless_address_is_counted_by_its_first_octets(tmp_path: Path) -> None:
    """Else a peer may have hundreds of megabytes kept: some ten thousand addresses of 16 KiB."""
    rule = "{id: a, on: command, verb: MAIL, first: 1, scope: sender, then: {reject: 451}}"
    greylist = book(tmp_path, rule).command.named["MAIL"][0]
    guard: dict[str, int] = {}
    lawful = b"x" * 64 + b"@" + b"y" * 255
    asked = [lawful, lawful[:-1], lawful + b"z" * 16_000]
    assert [greylist.matches(Facts(sender=sender, state="mail"), {}, guard, Random(0)) for sender in asked] == [
        True,
        True,
        False,
    ]
    assert max(map(len, guard)) == len("a ") + len(lawful)


HARMLESS = {"on-uncertain": "tunnel", "on-crash": "pass", "turn": "tunnel"}


@pytest.mark.parametrize(
    ("rules", "settings", "transparent"),
    [
        ([], HARMLESS, True),
        ([], {**HARMLESS, "turn": "swap"}, True),
        ([], {}, False),
        *[([], {key: value for key, value in HARMLESS.items() if key != left_out}, False) for left_out in HARMLESS],
        (
            [{"id": "a", "on": "command", "then": "record"}, {"id": "b", "on": "keyword", "then": "pass"}],
            HARMLESS,
            True,
        ),
        ([{"id": "a", "on": "keyword", "then": "strip"}], HARMLESS, False),
        ([{"id": "a", "on": "keyword", "then": "strip", "mode": "observe"}], HARMLESS, True),
        ([{"id": "a", "on": "payload", "verb": "XEXCH50", "then": "eat"}], HARMLESS, False),
        ([{"id": "a", "on": "violation", "violation": "nul", "then": "close"}], HARMLESS, False),
        ([{"id": "a", "on": "reply", "then": {"slice": 1}}], HARMLESS, False),
    ],
)
def test_transparent_only_where_nothing_can_alter(
    rules: list[dict[str, object]], settings: dict[str, object], transparent: bool
) -> None:
    assert made(rules, **settings).transparent is transparent


def test_a_policy_in_observe_mode_touches_nothing() -> None:
    rules: list[dict[str, object]] = [
        {"id": "a", "on": "keyword", "then": "strip", "mode": "enforce"},
        {"id": "b", "on": "command", "verb": "XEXCH50", "then": "close"},
    ]
    observed = made(rules, mode="observe", **{"on-uncertain": "close", "turn": "refuse"})
    assert observed.transparent
    assert (observed.on_uncertain, observed.on_crash, observed.turn) == ("tunnel", "pass", "tunnel")
    assert observed.keyword[0].observe
    assert observed.command.named["XEXCH50"][0].observe


def test_a_limit_below_the_tables_makes_the_verb_one_that_is_looked_at() -> None:
    rulebook = made([], limits={"NOOP": 6, "MAIL": 4096, "unknown": 80})
    assert rulebook.limits == {"NOOP": 6, "MAIL": 4096, "unknown": 80}
    assert rulebook.command.judges("NOOP")
    assert not rulebook.command.judges("MAIL")
    assert looked_up(rulebook.command, "NOOP") == ()


def test_rules_for_a_text_say_what_must_be_looked_for_in_it() -> None:
    def about(violation: str, then: object = "record") -> Rulebook:
        return made([{"id": "a", "on": "violation", "violation": violation, "then": then}])

    assert (about("smuggling").guards_text, about("smuggling").watched_in_text) == (False, frozenset())
    assert about("smuggling", "close").guards_text
    assert not about("nul", "close").guards_text
    assert (about("long-line").guards_text, about("long-line").watched_in_text) == (False, {"long-line"})
    assert about("long-line", {"reject": 550}).guards_text
    everything = made([{"id": "a", "on": "violation", "then": {"reject": 550}}])
    assert everything.watched_in_text == {"long-line", "text-line-end"}
