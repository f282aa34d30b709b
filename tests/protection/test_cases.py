"""Each case of section 8 under harden and harden-strict, as a playbook under every slicing, and what comes after it."""

from __future__ import annotations

from random import Random

import pytest

from smtpguard.inspection.effects import Record
from smtpguard.inspection.inspector import Inspector
from smtpguard.policy.loader import load_policy
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.openings import (
    BANNER,
    GO_AHEAD,
    QUEUED,
    RECIPIENT_OK,
    SENDER_OK,
    TEXT,
    exchange,
)
from tests.playbook import C, Playbook, S, advance, closed, like, record, to_client, to_server
from tests.playbook.playbook import Factory
from tests.playbook.rulebooks import shipped
from tests.protection.cases import CASES, Case, Client, Opening

ADDRESSES = {"external": "198.51.100.7", "internal": "10.1.2.3"}
HELLO = b"250-mx.example\r\n250 OK\r\n"
EVERY = [(case, policy) for case in CASES for policy in case.policies]


def inspector(policy: str, peer: str) -> Factory:
    book = load_policy(policy)
    return lambda: Inspector(book, client=ADDRESSES[peer], server="192.0.2.25", rng=Random(0))


OPENINGS: dict[Opening, list[tuple[bytes, bytes]]] = {"connected": [], "greeted": [(b"", BANNER)]}
OPENINGS["helloed"] = [*OPENINGS["greeted"], (b"EHLO a.example\r\n", HELLO)]
OPENINGS["transaction"] = [
    *OPENINGS["helloed"],
    (b"MAIL FROM:<a@a.example>\r\n", SENDER_OK),
    (b"RCPT TO:<b@b.example>\r\n", RECIPIENT_OK),
]
"""What the client says and what the server answers, all of it ordinary."""


def opened(factory: Factory, opening: Opening) -> Playbook:
    """The conversation so far."""
    book = Playbook(factory)
    for line, reply in OPENINGS[opening]:
        book = exchange(book, line, reply) if line else book >> S(reply) << to_client(reply)
    return book


def played(case: Case, policy: str) -> Playbook:
    """The case, step by step."""
    book = opened(inspector(policy, case.peer), case.opening)
    for number, step in enumerate(case.steps):
        book = book >> (C(step.octets) if isinstance(step, Client) else S(step.octets))
        if step.reaches:
            book = book << to_server(step.reaches)
        if step.sees:
            book = book << to_client(step.sees)
        if number == len(case.steps) - 1 and not case.goes_on:
            book = book << closed()
    return book


@pytest.mark.parametrize(("case", "policy"), EVERY, ids=[f"{case.name}, {policy}" for case, policy in EVERY])
def test_the_case_goes_as_the_table_says(case: Case, policy: str) -> None:
    book = played(case, policy)
    if case.goes_on:
        book = exchange(book, b"RSET\r\n", b"250 2.0.0 Resetting\r\n")
        book = exchange(book, b"MAIL FROM:<a@a.example>\r\n", SENDER_OK)
        book = exchange(book, b"RCPT TO:<b@b.example>\r\n", RECIPIENT_OK)
        book = exchange(book, b"DATA\r\n", GO_AHEAD)
        book = book >> C(TEXT) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED)
        book = book << record("message", accepted=True, recipient_count=1, sender="a@a.example")
    assert book


@pytest.mark.parametrize(("case", "policy"), EVERY, ids=[f"{case.name}, {policy}" for case, policy in EVERY])
def test_the_records_are_written(case: Case, policy: str) -> None:
    guard = inspector(policy, case.peer)()
    said = [
        (side, octets) for pair in OPENINGS[case.opening] for side, octets in zip((CLIENT, SERVER), pair, strict=True)
    ]
    said += [(CLIENT if isinstance(step, Client) else SERVER, step.octets) for step in case.steps]
    effects = [effect for side, octets in said if octets for effect in guard.receive(side, octets)]
    written = [(effect.event, effect.fields) for effect in effects if isinstance(effect, Record)]
    for event, name in case.records:
        fitting = [fields for seen, fields in written if seen == event]
        assert any(name in (fields.get("violation"), fields.get("rule"), "") for fields in fitting), (event, name)


@pytest.mark.parametrize("policy", ["harden", "harden:normalise", "harden-strict"])
def test_f_a_command_that_comes_an_octet_at_a_time_has_one_deadline(policy: str) -> None:
    book = opened(inspector(policy, "external"), "helloed")
    for _ in range(4):
        book = book >> C(b"N") >> advance(seconds=60)
    book = book >> C(b"N") >> advance(seconds=61)
    assert book << to_client(like(rb"421 4\.4\.2 [^\r\n]*\r\n")) << record("timeout", which="command") << closed()


@pytest.mark.parametrize("policy", ["harden", "harden:normalise", "harden-strict"])
def test_ordinary_mail_in_a_lawful_group_passes_as_it_is(policy: str) -> None:
    group = b"MAIL FROM:<a@a.example> SIZE=99\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"
    book = opened(inspector(policy, "external"), "helloed") >> C(group) << to_server(group)
    go = SENDER_OK + RECIPIENT_OK + GO_AHEAD
    book = book >> S(go) << to_client(go) >> C(TEXT) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED)
    assert exchange(book.strict() << record("message", accepted=True), b"QUIT\r\n", b"221 2.0.0 Bye\r\n")


@pytest.mark.parametrize("policy", ["harden", "harden:normalise", "harden-strict"])
def test_so_does_the_group_of_a_postfix_that_names_its_client(policy: str) -> None:
    named = b"XFORWARD NAME=a.example ADDR=192.0.2.7\r\nXFORWARD PROTO=ESMTP HELO=a.example\r\n"
    group = named + b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\nDATA\r\n"
    book = opened(inspector(policy, "internal"), "helloed") >> C(group) << to_server(group)
    go = b"250 2.0.0 Ok\r\n" * 2 + SENDER_OK + RECIPIENT_OK + GO_AHEAD
    book = book >> S(go) << to_client(go) >> C(TEXT) << to_server(TEXT) >> S(QUEUED) << to_client(QUEUED)
    assert book.strict() << record("message", accepted=True)


EXCHANGE = b"250-mx.example\r\n250-SIZE\r\n250-X-EXPS GSSAPI NTLM\r\n250-X-LINK2STATE\r\n250-XEXCH50\r\n250 OK\r\n"


@pytest.mark.parametrize("policy", ["harden", "harden:normalise", "harden-strict"])
def test_exchange_keywords_are_stripped_for_strangers_and_kept_inside(policy: str) -> None:
    for peer, sees in (("external", b"250-mx.example\r\n250-SIZE\r\n250 OK\r\n"), ("internal", EXCHANGE)):
        book = opened(inspector(policy, peer), "greeted")
        hello = b"EHLO a.example\r\n"
        assert book >> C(hello) << to_server(hello) >> S(EXCHANGE) << to_client(sees), peer


def test_a_policy_that_extends_it_says_who_is_inside() -> None:
    text = "summary: our other site\nextends: harden\nnetworks: {internal: [198.51.100.0/24]}\n"
    book = shipped(text)
    hello = b"EHLO a.example\r\n"
    playbook = opened(lambda: Inspector(book, client="198.51.100.7", server="192.0.2.25"), "greeted")
    assert playbook >> C(hello) << to_server(hello) >> S(EXCHANGE) << to_client(EXCHANGE)


def test_every_case_of_the_facts_is_there() -> None:
    assert {case.ref for case in CASES} == {
        "A1", "A2", "B1", "C1", "C2", "C3", "D1", "D2", "D3", "E1", "E2", "E3", "F"
    }  # fmt: skip
    for policy in ("harden", "harden:normalise"):
        assert {case.ref for case in CASES if policy in case.policies} == {case.ref for case in CASES}


def test_the_replies_to_xexch50_have_at_most_forty_octets() -> None:
    """KB812455: an error reply to XEXCH50 has no more."""
    for case in CASES:
        for step in case.steps:
            if isinstance(step, Client) and step.octets.upper().startswith(b"XEXCH50") and step.sees:
                assert len(step.sees) <= 40, step.sees
