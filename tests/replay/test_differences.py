"""Where two policies part: the first decision that differs, and nothing where they do the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtpguard.policy.loader import read_policy
from smtpguard.replay.captures import Conversation
from smtpguard.replay.differences import Contender, Parting, parting
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.policy.writing import write
from tests.replay.test_replay import conversation

SESSION = conversation(
    (SERVER, b"220 mx\r\n"),
    (CLIENT, b"EHLO a.example\r\n"),
    (SERVER, b"250-mx\r\n250-CHUNKING\r\n250 XEXCH50\r\n"),
    (CLIENT, b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"),
    (SERVER, b"250 ok\r\n250 ok\r\n"),
    (CLIENT, b"XEXCH50 3 2\r\n"),
    (SERVER, b"354 go\r\n"),
    (CLIENT, b"abc"),
    (SERVER, b"250 XEXCH50 OK\r\n"),
    (CLIENT, b"DATA\r\n"),
    (SERVER, b"354 go\r\n"),
    (CLIENT, b"hello\r\n.\r\n"),
    (SERVER, b"250 queued\r\n"),
    (CLIENT, b"VRFY x\r\n"),
    (SERVER, b"252 ok\r\n"),
)
UNCERTAIN = conversation((SERVER, b"220 mx\r\n"), (CLIENT, b"BDAT x\r\n"))
TURNS = conversation((SERVER, b"220 mx\r\n"), (CLIENT, b"TURN\r\n"), (SERVER, b"250 ok\r\n"))


def contender(folder: Path, name: str, rules: str, head: str = "") -> Contender:
    policy, problems = read_policy(write(folder, f"summary: s\n{head}rules: [{rules}]\n", f"{name}.yaml"))
    assert problems == []
    assert policy is not None
    return Contender(policy)


def part(
    folder: Path, a: str, b: str, *, heads: tuple[str, str] = ("", ""), over: Conversation = SESSION
) -> Parting | None:
    return parting(contender(folder, "a", a, heads[0]), contender(folder, "b", b, heads[1]), over, 1)


STRIP = "{id: hide, on: keyword, keyword: XEXCH50, then: strip}"
SHUT = "{id: shut, on: command, verb: XEXCH50, then: close}"
NO_VRFY = "{id: no-vrfy, on: command, verb: VRFY, then: {reject: 502}}"


def test_alike_whatever_the_rules_are_called(tmp_path: Path) -> None:
    assert part(tmp_path, STRIP, STRIP.replace("hide", "other")) is None
    assert part(tmp_path, f"{STRIP}, {NO_VRFY}", f"{NO_VRFY}, {STRIP}") is None


def test_the_first_place(tmp_path: Path) -> None:
    found = part(tmp_path, f"{STRIP}, {SHUT}", STRIP)
    assert found is not None
    assert (found.place.commands, found.second) == (4, None)
    assert found.first is not None
    assert (found.first.action, found.first.by, dict(found.first.facts)["verb"]) == ("close", "shut", "XEXCH50")


def test_the_other_way_round(tmp_path: Path) -> None:
    found = part(tmp_path, "", NO_VRFY)
    assert found is not None
    assert (found.place.commands, found.first) == (6, None)


def test_two_ways_at_one_place(tmp_path: Path) -> None:
    found = part(tmp_path, NO_VRFY, NO_VRFY.replace("502", "550"))
    assert found is not None
    assert found.first is not None
    assert found.second is not None
    assert [one.does.code for one in (found.first, found.second)] == [502, 550]  # type: ignore[union-attr]


def test_an_earlier_decision_of_one_comes_first(tmp_path: Path) -> None:
    found = part(tmp_path, NO_VRFY, STRIP)
    assert found is not None
    assert (found.place.commands, found.first) == (1, None)
    assert found.second is not None
    assert found.second.by == "hide"


def test_in_one_read_the_one_that_both_come_to_is_no_difference(tmp_path: Path) -> None:
    both = "{id: chunks, on: keyword, keyword: CHUNKING, then: strip}, " + STRIP
    for a, b in ((both, STRIP), (STRIP, both)):
        found = part(tmp_path, a, b)
        assert found is not None
        decision = found.first or found.second
        assert decision is not None
        assert decision.by == "chunks"


def test_a_command_comes_before_its_payload(tmp_path: Path) -> None:
    found = part(tmp_path, "{id: eat, on: payload, verb: XEXCH50, then: eat}", SHUT)
    assert found is not None
    assert found.first is None
    assert found.second is not None
    assert found.second.by == "shut"


def test_behind_a_common_end_nothing_counts(tmp_path: Path) -> None:
    assert part(tmp_path, f"{SHUT}, {NO_VRFY}", SHUT) is None


@pytest.mark.parametrize(
    "rule",
    [
        "{id: see, on: command, then: record}",
        "{id: let, on: command, then: pass}",
        "{id: watched, on: command, then: close, mode: observe}",
        "{id: never, on: command, verb: EXPN, then: close}",
    ],
)
def test_what_decides_nothing_is_no_difference(rule: str, tmp_path: Path) -> None:
    assert part(tmp_path, rule, "") is None


def test_a_whole_policy_in_observe_mode_is_compared_as_if_it_acted(tmp_path: Path) -> None:
    assert part(tmp_path, SHUT, "", heads=("mode: observe\n", "")) is not None
    assert part(tmp_path, SHUT, SHUT, heads=("mode: observe\n", "")) is None


@pytest.mark.parametrize(
    ("head", "over", "does"),
    [("on-uncertain: tunnel\n", UNCERTAIN, ["close", "tunnel"]), ("turn: tunnel\n", TURNS, ["refused", None])],
)
def test_settings_part_too(head: str, over: Conversation, does: list[str], tmp_path: Path) -> None:
    found = part(tmp_path, "", "", heads=("", head), over=over)
    assert found is not None
    assert [one.action if one else None for one in (found.first, found.second)] == does
    assert part(tmp_path, "", "", heads=(head, head), over=over) is None


def test_payloads_messages_and_counts(tmp_path: Path) -> None:
    for rule in (
        "{id: a, on: payload, verb: DATA, then: {truncate: 3}}",
        "{id: a, on: payload, verb: XEXCH50, then: eat}",
        "{id: a, on: message, size: 1..20, then: {reject: 552}}",
        "{id: a, on: line, length: 7, then: close}",
        "{id: a, on: command, verb: RCPT, recipients: 1, then: {delay: 1}}",
    ):
        assert part(tmp_path, rule, "") is not None, rule
    assert part(tmp_path, "{id: a, on: payload, verb: DATA, then: {truncate: 30}}", "") is None


def test_counts_go_over_all_sessions(tmp_path: Path) -> None:
    one = contender(tmp_path, "a", "{id: a, on: command, verb: VRFY, nth: 2, scope: guard, then: close}")
    two = contender(tmp_path, "b", "")
    assert [parting(one, two, SESSION, number) is not None for number in (1, 2, 3)] == [False, True, False]


def test_draws_are_those_of_the_session(tmp_path: Path) -> None:
    rule = "{id: a, on: command, verb: VRFY, probability: 0.5, then: close}"
    one, two = contender(tmp_path, "a", rule), contender(tmp_path, "b", "")
    drawn = [parting(one, two, SESSION, number) is not None for number in range(40)]
    assert {*drawn} == {True, False}
    assert drawn == [parting(one, two, SESSION, number) is not None for number in range(40)]


def test_rules_that_no_recording_can_judge(tmp_path: Path) -> None:
    rules = "{id: a, on: line, content: x, then: close}, {id: b, on: message, verb: DATA, split-end: true, then: eat}"
    assert contender(tmp_path, "a", f"{rules}, {STRIP}").blind_spots == ["a", "b"]
    cut = "{id: b, on: message, verb: DATA, split-end: true, then: eat}"
    assert part(tmp_path, cut, "") is None, "how a replay cuts the stream says nothing"
