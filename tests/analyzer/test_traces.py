"""The words for traces: each that is a finding has its rule, and each rule its trace."""

from __future__ import annotations

import re

from smtpguard.analyzer.fingerprints import fingerprints
from smtpguard.analyzer.rules import rules, symptoms
from smtpguard.analyzer.traces import HINTS, TRACES, Trace
from smtpguard.policy.loader import load_policy

# What the sources name: Microsoft's articles and bulletins, and Cisco's bug.
SOURCED = {
    "KB812455", "KB818222", "KB822939", "KB843106", "KB308350", "KB312213", "KB324867", "KB823489", "KB324759",
    "KB223860", "KB313832",
}  # fmt: skip


def test_each_trace_that_is_no_hint_has_its_rule() -> None:
    assert {rule.id for rule in symptoms()} == (set(TRACES) - HINTS) | {"changed-on-the-way"}
    assert set(TRACES) > HINTS


def test_rules_of_symptoms_are_whole() -> None:
    assert not {rule.id for rule in symptoms()} & {rule.id for rule in rules()}
    for rule in symptoms():
        assert (rule.origin, rule.trigger) == ("smtpguard", "probe")
        assert rule.severity in ("error", "warning")
        assert rule.causes
        assert rule.remedies
        for policy in rule.policies:
            load_policy(policy)


def test_no_article_is_named_that_no_source_names() -> None:
    texts = [text for rule in symptoms() for text in (*rule.causes, *rule.remedies, rule.source, rule.box)]
    texts += [text for one in fingerprints() for text in (*one.cures, one.source, one.box)]
    named = {number for text in texts for number in re.findall(r"KB\d+", text)}
    assert named <= SOURCED
    assert {"KB818222", "KB812455", "KB843106"} <= named


def test_a_trace_in_plain_words() -> None:
    assert Trace("keyword-hidden", "X", detail="X works").words == "X works"
    assert Trace("banner-stars").words == "a banner of asterisks"
    assert Trace("verb-closed", "XEXCH50").words == "the connection ends at a verb: XEXCH50"
