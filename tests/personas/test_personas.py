"""The personas: each against its golden transcripts, which are reviewed against the facts, and against itself.

After a change of a persona: ``make golden`` writes the transcripts anew; read the difference before it is kept.
"""

from __future__ import annotations

import re

import pytest

from smtpguard.policy.actions import Pass
from smtpguard.policy.loader import load_policy, read_policy
from tests.personas.scripts import PARTS
from tests.personas.transcripts import GOLDEN, names, path, transcript

# Facts, section 5: the list of section 2 (bare SIZE, no ATRN) behind the default map, letter for letter.
MASKED_BY_ASA = [
    "250-XXXA", "250-SIZE", "250-ETRN", "250-PIPELINING", "250-DSN", "250-ENHANCEDSTATUSCODES", "250-8bitmime",
    "250-BINARYMIME", "250-XXXXXXXB", "250-XXXC", "250-" + "X" * 23 + "D", "250-" + "X" * 11 + "E",
    "250-AUTH GSSAPI NTLM LOGIN", "250-XXXXXXXXXF", "250-" + "X" * 11 + "G", "250-XXXXXXH", "250 XI",
]  # fmt: skip
# What section 5 gives word for word, in whose transcript.
WORDS = [
    ("isa-2000:reply", "-> C: 421 5.5.2 Syntax error (command line too long)"),
    ("isa-2000:close", "event_id=20031"),
    ("cisco-pix:x", "-> S: XXXX mail1.example.com"),
    ("cisco-pix:noop", "-> S: NOOP"),
    ("cisco-pix:ok", "-> C: 250 OK"),
    ("cisco-asa", "-> S: XXXX mx"),
    ("star-mask", "-> C: 250-XEX*H50"),
    ("star-mask", "-> C: 250-CHU*KING"),
    ("star-mask", "-> C: 502 5.5.2"),
    ("untangle:helo", "-> S: HELO mail1.example.com"),
    ("cisco-esa", "-> C: 500 #5.5.1 command not recognized"),
    ("cisco-esa", "-> C: 421 Exceeded bad SMTP command limit, disconnecting"),
    ("bdat-liar", "lie=250"),
]
OF_THE_ISSUE = {
    "isa-2000", "cisco-pix", "cisco-asa", "star-mask", "stormshield", "untangle", "f-secure", "antivirus-stack",
    "cisco-esa", "line-oriented", "blob-as-commands", "bdat-eater", "bdat-liar", "starttls-stripper", "helo-only",
    "sonicwall",
}  # fmt: skip


def golden(name: str) -> str:
    return path(name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", names())
def test_the_transcript_is_the_golden_one(name: str) -> None:
    assert transcript(name) == golden(name)


def test_each_persona_and_each_variant_has_one_and_nothing_else_has() -> None:
    assert set(PARTS) == OF_THE_ISSUE
    assert {*GOLDEN.iterdir()} == {path(name) for name in names()}


def test_the_mask_of_the_asa_is_that_of_the_facts_to_the_letter() -> None:
    session = golden("cisco-asa").split("\n== ")[1]
    seen = [line.removeprefix("   -> C: ") for line in session.splitlines() if line.startswith("   -> C: 250")]
    assert seen == ["250-mx1.example.net Hello [198.51.100.7]", *MASKED_BY_ASA]


def test_starttls_first_of_the_masked_gives_the_well_known_line() -> None:
    assert "   -> C: 250-XXXXXXXB\n" in golden("starttls-stripper:mask")  # TLS before it is A
    assert "   -> C: 250-XXXXXXXE\n" in golden("cisco-asa")


@pytest.mark.parametrize(("name", "words"), WORDS)
def test_what_the_facts_give_word_for_word_is_said(name: str, words: str) -> None:
    assert words in golden(name)


def test_an_esa_cuts_off_at_the_sixth() -> None:
    session = golden("cisco-esa").split("\n== ")[2]
    assert session.count("500 #5.5.1") == 5
    assert session.rstrip().endswith("(closed)")


@pytest.mark.parametrize("persona", PARTS)
def test_each_rule_shows_in_a_transcript(persona: str) -> None:
    texts = "".join(golden(name) for name in names() if name.partition(":")[0] == persona)
    for name in (name for name in names() if name.partition(":")[0] == persona):
        policy, problems = read_policy(name)
        assert policy is not None
        assert problems == []
        for placed in policy.rules:
            if not isinstance(placed.rule.then, Pass):
                assert re.search(rf"rule={placed.rule.id}\b", texts), placed.rule.id


@pytest.mark.parametrize("persona", PARTS)
def test_each_persona_says_what_is_known_and_what_is_a_guess(persona: str) -> None:
    policy, _ = read_policy(persona)
    assert policy is not None
    head = "\n".join(line for line in policy.document.text.splitlines() if line.startswith("#"))
    assert policy.model.source
    assert re.search(r"\bKnown: ", head)
    assert re.search(r"\bA guess|\bOurs: |\bare ours\b", head)


def test_who_lies_says_so() -> None:
    assert [name for name in names() if load_policy(name).lies] == ["bdat-liar", "cisco-pix:ok"]


def test_the_page_on_personas_names_each_with_its_variants() -> None:
    page = (GOLDEN.parents[2] / "docs" / "personas.md").read_text(encoding="utf-8")
    told = {name: re.findall(r"`([^`]+)`", cell) for name, cell in re.findall(r"(?m)^\| `([^`]+)` \|([^|]*)\|", page)}
    policies = {persona: read_policy(persona)[0] for persona in PARTS}
    assert told == {persona: [*policy.variants] for persona, policy in policies.items() if policy is not None}
