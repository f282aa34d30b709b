"""``advertise``: a box that puts keywords into the server's list, or a list of its own in its place."""

from __future__ import annotations

import pytest

from smtpguard.policy.actions import Action, Advertise, Mask, Strip
from tests.inspection.openings import greeted
from tests.playbook import C, Playbook, S, inspector, no_record, record, rule, to_client, to_server
from tests.playbook.rulebooks import Draft

HELLO = b"EHLO a.example\r\n"


def answered(action: Action, *more: Draft, reply: bytes = b"250-mx\r\n250-SIZE 5\r\n250 OK\r\n") -> Playbook:
    """EHLO has been said to a server with that list, under a rule for the reply to it."""
    rules = [rule("r", "reply", action, verb="EHLO", code=250), *more]
    return greeted(inspector(*rules)) >> C(HELLO) << to_server(HELLO) >> S(reply)


def test_keywords_go_behind_the_servers_own() -> None:
    book = answered(Advertise(("CHUNKING", "SIZE 9")))
    assert book << to_client(b"250-mx\r\n250-SIZE 5\r\n250-OK\r\n250 CHUNKING\r\n") << record("reply-advertised")


def test_a_list_in_place_of_the_servers() -> None:
    book = answered(Advertise(("SIZE", "8BITMIME"), instead=True))
    assert book << to_client(b"250-mx\r\n250-SIZE\r\n250 8BITMIME\r\n")


def test_a_server_without_a_list_gets_one() -> None:
    assert answered(Advertise(("SIZE",)), reply=b"250 mx\r\n") << to_client(b"250-mx\r\n250 SIZE\r\n")


def test_a_refusal_stays_one() -> None:
    book = answered(Advertise(("SIZE",)), reply=b"502 no\r\n") << to_client(b"502 no\r\n")
    assert book << no_record("reply-advertised")


@pytest.mark.parametrize(("action", "line"), [(Strip(), b""), (Mask(), b"250-XXXXXA\r\n")])
def test_rules_for_keywords_judge_what_was_made_of_the_list(action: Action, line: bytes) -> None:
    book = answered(Advertise(("X-OURS", "DSN"), instead=True), rule("k", "keyword", action, keyword="X-OURS"))
    assert book << to_client(b"250-mx\r\n" + line + b"250 DSN\r\n")
