"""What readers share: replies without what changes, refusals, replies that nobody asked for."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.probe_verbs import UNKNOWN_VERBS
from smtpguard.analyzer.reading import plain, surplus
from tests.analyzer.steps_of import step, view


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("250 2.6.0  <a@mx> Queued mail for delivery", "250 2.6.0  <b@mx> Queued mail for delivery", True),
        ("250 mx Hello [192.0.2.1]", "250 mx Hello [10.0.0.7]", True),
        ("250 2.0.0 Ok: queued as 4FAx12", "250 2.0.0 Ok: queued as 7B9", True),
        ("500 5.5.1 Refused", "500 5.5.2 Refused", False),
        ("500 Refused", "550 Refused", False),
        ("500 5.3.3 Unrecognized command", "500 unrecognized command", False),
    ],
)
def test_a_reply_without_what_changes(one: str, other: str, same: bool) -> None:
    assert (plain(step("x", one)) == plain(step("x", other))) is same


def test_nothing_is_plain() -> None:
    assert plain(None) == plain(step("x")) == ""


def test_a_refusal_is_the_servers_own_words_or_anybodys() -> None:
    seen = view({UNKNOWN_VERBS: [step("unknown verb 1", "502 5.5.2 Njet")]})
    assert seen.refused(step("VRFY", "502 5.5.2 Njet"))
    assert seen.refused(step("VRFY", "500 Command not recognized"))
    assert not seen.refused(step("VRFY", "501 5.5.4 Invalid arguments"))
    assert not seen.refused(step("VRFY", "454 not recognized"))
    assert not seen.refused(step("VRFY", failure="silent"))
    assert not seen.refused(None)


def test_surplus_counts_replies_and_not_their_lines() -> None:
    steps = (
        step("chunk", "503 no"),
        step("RSET", "250 ok", unasked="250-a\r\n250 b\r\n"),
        step("QUIT", "250 c"),
        step("behind QUIT", "221 bye"),
    )
    assert surplus(steps, "chunk") == 2
    assert surplus(steps, "QUIT") == 1
    assert surplus(steps, "nothing") == 0
