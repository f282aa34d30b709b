"""The overflows of the Exchange verbs, A1 and A2, and lengths and octets in commands, F. Facts, section 8."""

from __future__ import annotations

import pytest

from smtpguard.policy.actions import Close, Reject
from tests.inspection.openings import GO_BINARY, UNRECOGNIZED, exchange, greeted, helloed, in_transaction
from tests.inspection.rulebooks import WATCH
from tests.playbook import (
    C,
    S,
    advance,
    closed,
    inspector,
    like,
    no_record,
    own_reply,
    record,
    rule,
    to_client,
    to_server,
    tunnelled,
)

UNCOUNTABLE = [
    b"XEXCH50 -1 2\r\n",
    b"xexch50  -1 2\r\n",
    b"XEXCH50\t-1 2\r\n",
    b"XEXCH50 abc 2\r\n",
    b"XEXCH50 2\r\n",
    b"XEXCH50\r\n",
    b"XEXCH50 1073741825 2\r\n",
    b"XEXCH50 99999999999999999999 2\r\n",
]


@pytest.mark.parametrize("line", UNCOUNTABLE)
def test_a1_a_size_that_cannot_be_counted_is_recorded_and_harmless_when_refused(line: bytes) -> None:
    book = (
        in_transaction(inspector(WATCH))
        >> C(line)
        << to_server(line)
        << record("violation", violation="xexch50-size", blame="client", verb="XEXCH50")
        >> S(b"501 5.5.4 Invalid arguments\r\n")
        << to_client(b"501 5.5.4 Invalid arguments\r\n")
    )
    assert exchange(book, b"RSET\r\n", b"250 2.0.0 Resetting\r\n")


@pytest.mark.parametrize("line", UNCOUNTABLE)
def test_a1_a_go_ahead_to_it_ends_the_session(line: bytes) -> None:
    assert (
        in_transaction(inspector(WATCH))
        >> C(line)
        << to_server(line)
        >> S(GO_BINARY)
        << to_client(like(rb"(354 Send binary data\r\n)?421 [^\r\n]*\r\n"))
        << record("uncertain", violation="xexch50-desync", then="close")
        << closed()
    )


def test_a1_under_pass_a_go_ahead_to_it_is_a_tunnel() -> None:
    assert (
        in_transaction(inspector("pass"))
        >> C(b"XEXCH50 -1 2\r\n")
        << to_server(b"XEXCH50 -1 2\r\n")
        >> S(GO_BINARY)
        << to_client(GO_BINARY)
        << record("uncertain", violation="xexch50-desync", then="tunnel")
        << tunnelled()
        >> C(b"\x00\xff\n")
        << to_server(b"\x00\xff\n")
    )


def test_a1_the_probe_of_two_octets_is_counted_like_any_blob() -> None:
    book = exchange(greeted(inspector(WATCH)), b"XEXCH50 2 2\r\n", b"354 Send binary\r\n")
    book = book >> C(b"\r\n") << to_server(b"\r\n") << no_record("command-recorded")
    book = book >> S(b"250 XEXCH50 OK\r\n") << to_client(b"250 XEXCH50 OK\r\n") << record("xexch50", size=2)
    assert exchange(book, b"QUIT\r\n", b"221 2.0.0 bye\r\n")


def test_a1_a_rule_can_refuse_it_before_the_server_sees_it() -> None:
    refuse = rule("ms03-046", "violation", Reject(550, "5.7.1", "No"), violation="xexch50-size")
    book = (
        in_transaction(inspector(refuse))
        >> C(b"XEXCH50 -1 2\r\n")
        << own_reply(b"550 5.7.1 ", rule="ms03-046")
        << record("violation", violation="xexch50-size")
        << record("violation-rejected", rule="ms03-046")
    )
    assert exchange(book, b"NOOP\r\n", b"250 2.0.0 OK\r\n")


def test_a1_a_rule_can_end_the_session_for_it() -> None:
    refuse = rule("ms03-046", "violation", Close(550, "5.7.1", "No"), violation="xexch50-size")
    assert (
        in_transaction(inspector(refuse))
        >> C(b"XEXCH50 -1 2\r\n")
        << own_reply(b"550 5.7.1 ", rule="ms03-046")
        << record("violation-closed", rule="ms03-046")
        << closed()
    )


OVERFLOWS = [
    b"X-LINK2STATE CHUNK=" + b"A" * 521 + b"\r\n",
    b"x-link2state chunk=" + b"A" * 900 + b"\r\n",
    b"X-LINK2STATE CHUNK={00000209} MULTI (5) ({0000}) DONE\r\n",
    b"X-LINK2STATE CHUNK={ffffffff} x\r\n",
]


@pytest.mark.parametrize("line", OVERFLOWS)
def test_a2_a_chunk_out_of_series_that_overflows_is_recorded(line: bytes) -> None:
    """It needs no MAIL and no AUTH."""
    assert (
        helloed(inspector(WATCH))
        >> C(line)
        << to_server(line)
        << record("violation", violation="link2state-chunk", blame="client", verb="X-LINK2STATE")
        >> S(UNRECOGNIZED)
        << to_client(UNRECOGNIZED)
    )


@pytest.mark.parametrize(
    "line",
    [
        b"X-LINK2STATE FIRST CHUNK=" + b"A" * 521 + b"\r\n",
        b"X-LINK2STATE CHUNK=" + b"A" * 520 + b"\r\n",
        b"X-LINK2STATE LAST CHUNK={0000000f} DONE\r\n",
    ],
)
def test_a2_honest_chunks_are_not(line: bytes) -> None:
    assert helloed(inspector(WATCH)) >> C(line) << to_server(line) << no_record("violation")


def test_a2_behind_a_first_that_the_server_took_a_long_chunk_is_honest() -> None:
    book = exchange(helloed(inspector(WATCH)), b"X-LINK2STATE FIRST CHUNK={0000000f} x\r\n", b"200 NEXT CHUNK\r\n")
    line = b"X-LINK2STATE CHUNK=" + b"A" * 600 + b"\r\n"
    assert book >> C(line) << to_server(line) << no_record("violation")


BAD_COMMANDS = {
    "bare-lf": b"NOOP\n",
    "bare-cr": b"NOOP a\rb\r\n",
    "nul": b"NOOP a\x00b\r\n",
    "bare-cr ": b"NOOP\r\r\n",
}


@pytest.mark.parametrize("name", BAD_COMMANDS)
def test_f_octets_that_no_command_may_have_never_reach_the_server(name: str) -> None:
    book = (
        helloed(inspector(WATCH))
        >> C(BAD_COMMANDS[name])
        << own_reply(b"500 5.5.2 ")
        << record("violation", violation=name.strip())
    )
    assert exchange(book, b"NOOP\r\n", b"250 2.0.0 OK\r\n")


def test_f_a_lone_lf_hides_no_second_command() -> None:
    assert (
        helloed(inspector(WATCH))
        >> C(b"NOOP\nMAIL FROM:<a@a.example>\r\n")
        << own_reply(b"500 5.5.2 ")
        << to_server(b"MAIL FROM:<a@a.example>\r\n")
        << record("violation", violation="bare-lf")
    )


def test_f_under_pass_a_lone_lf_makes_a_tunnel() -> None:
    assert (
        helloed(inspector("pass"))
        >> C(b"NOOP\nMAIL FROM:<a@a.example>\r\n")
        << to_server(b"NOOP\nMAIL FROM:<a@a.example>\r\n")
        << record("violation", violation="bare-lf")
        << record("uncertain", violation="bare-lf", then="tunnel")
        << tunnelled()
    )


@pytest.mark.parametrize(
    ("line", "too_long"),
    [
        (b"NOOP " + b"x" * 505 + b"\r\n", False),
        (b"NOOP " + b"x" * 506 + b"\r\n", True),
        (b"AUTH PLAIN " + b"x" * (12_288 - 13) + b"\r\n", False),
        (b"AUTH PLAIN " + b"x" * (12_288 - 12) + b"\r\n", True),
        (b"X-LINK2STATE LAST CHUNK=" + b"x" * (1024 - 26) + b"\r\n", False),
        (b"X-LINK2STATE LAST CHUNK=" + b"x" * (1024 - 25) + b"\r\n", True),
        (b"XEXCH50 " + b"0" * 38 + b"1 2\r\n", True),
    ],
)
def test_f_a_line_over_its_verbs_length_is_recorded_and_passed(line: bytes, too_long: bool) -> None:
    expected = record if too_long else no_record
    assert helloed(inspector(WATCH)) >> C(line) << to_server(line) << expected("violation", violation="long-command"), (
        len(line)
    )


def test_f_a_line_that_never_ends_is_not_held_for_ever() -> None:
    assert (
        helloed(inspector(WATCH))
        >> C(b"NOOP " + b"x" * 20_000)
        << to_client(like(rb"[45]\d\d [^\r\n]*\r\n"))
        << record("uncertain", violation="endless-line", then="close")
        << closed()
    )


def test_f_one_octet_at_a_time_does_not_move_the_deadline_of_a_command() -> None:
    book = helloed(inspector(WATCH))
    for _ in range(4):
        book = book >> C(b"N") >> advance(seconds=60)
    assert (
        book
        >> C(b"N")
        >> advance(seconds=61)
        << to_client(like(rb"421 4\.4\.2 [^\r\n]*\r\n"))
        << record("timeout", seconds=300.0)
        << closed()
    )
