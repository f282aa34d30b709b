"""Observe mode: whatever the rules say, octets leave as under ``pass``; the records say what would have been done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smtpguard.policy.actions import Close, Eat, Record, Reject
from smtpguard.policy.rulebook import Facts, Rulebook
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.openings import greeted, helloed, in_transaction
from tests.inspection.rulebooks import PASS, observing, rulebooks
from tests.inspection.strategies import Unit, choices, units
from tests.inspection.test_laws import Garbage, assert_transparent, feeds, seeds, steps
from tests.inspection.world import converse, replay
from tests.playbook import C, S, inspector, record, rule, rulebook, to_client, to_server, tunnelled
from tests.playbook.slicing import AtRandom


@given(book=rulebooks(), script=units(polite=False), choices=choices, seed=seeds)
def test_octets_leave_as_under_pass(book: Rulebook, script: list[Unit], choices: list[int], seed: int) -> None:
    slicing = AtRandom(seed)
    observed = converse(inspector(observing(book)), script, choices, slicing)
    passed = converse(inspector(PASS), script, choices, slicing)
    assert_transparent(observed.trace, observed.outcomes, observed.shell)
    assert (observed.received, observed.forwarded, observed.marks) == (passed.received, passed.forwarded, passed.marks)


@given(book=rulebooks(), garbage=feeds, first=st.sampled_from([None, CLIENT, SERVER]), seed=seeds)
def test_garbage_passes_too(book: Rulebook, garbage: Garbage, first: object, seed: int) -> None:
    trace = steps(garbage, first)  # type: ignore[arg-type]
    shell, outcomes = replay(inspector(observing(book)), trace, AtRandom(seed))
    assert_transparent(trace, outcomes, shell)


def test_what_follows_a_close_that_was_not_carried_out_says_so() -> None:
    book = observing(rulebook(rule("shut", "command", Close(), verb="XEXCH50"), rule("no-vrfy", "command", Reject())))
    assert (
        helloed(inspector(book))
        >> C(b"XEXCH50 5 2\r\n")
        << record("command-closed", rule="shut", observed=True)
        << to_server(b"XEXCH50 5 2\r\n")
        >> S(b"504 Need to authenticate first\r\n")
        << to_client(b"504 Need to authenticate first\r\n")
        >> C(b"VRFY a\r\n")
        << record("command-rejected", rule="no-vrfy", observed=True, after="shut")
        << to_server(b"VRFY a\r\n")
    )


def test_uncertainty_says_what_the_policy_would_have_done() -> None:
    assert (
        greeted(inspector(observing(rulebook())))
        >> C(b"BDAT x\r\n")
        << record("uncertain", then="tunnel", observed=True, would="close")
        << tunnelled()
        << to_server(b"BDAT x\r\n")
    )


def test_a_turn_and_a_malformed_line_say_so() -> None:
    assert (
        greeted(inspector(observing(rulebook())))
        >> C(b"NOOP a\rb\r\n")
        << record("line-refused", violation="bare-cr", observed=True)
        << to_server(b"NOOP a\rb\r\n")
        >> S(b"250 ok\r\n")
        << to_client(b"250 ok\r\n")
        >> C(b"TURN\r\n")
        << record("turn", outcome="refused", observed=True)
        << to_server(b"TURN\r\n")
    )


def test_a_crash_says_so() -> None:
    def broken(facts: Facts) -> bool:
        raise KeyError

    assert (
        greeted(inspector(observing(rulebook(rule("broken", "command", Record(), when=broken)))))
        >> C(b"NOOP\r\n")
        << record("rule-crashed", rule="broken", then="pass", observed=True, would="close")
        << to_server(b"NOOP\r\n")
    )


def test_an_eaten_payload_flows_on() -> None:
    book = observing(rulebook(rule("eat", "payload", Eat(), verb="DATA"), rule("late", "message", Reject())))
    assert (
        in_transaction(inspector(book))
        >> C(b"DATA\r\n")
        << to_server(b"DATA\r\n")
        >> S(b"354 go\r\n")
        << to_client(b"354 go\r\n")
        << record("payload-eaten", rule="eat", observed=True)
        >> C(b"hello\r\n.\r\n")
        << to_server(b"hello\r\n.\r\n")
        >> S(b"250 ok\r\n")
        << record("message-rejected", rule="late", observed=True, after="eat")
        << to_client(b"250 ok\r\n")
    )
