"""The laws of inspection under the personas as they ship, as far as a persona keeps them: who breaks one is named.

Two boxes match segment by segment and so break law 2 on purpose; two misread a payload, after which nothing is known;
two lie.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspection.strategies import Unit, choices, units
from tests.inspection.test_laws import Garbage, assert_same_however_cut, errors, feeds, seeds, steps
from tests.inspection.test_laws_of_dialogue import Walk, assert_clean, ended_early
from tests.inspection.world import converse, replay
from tests.personas.transcripts import names
from tests.playbook import SLICINGS, inspector
from tests.playbook.rulebooks import shipped

NAMES = names()
BY_SEGMENT = {"cisco-asa", "cisco-pix:x", "cisco-pix:noop", "cisco-pix:ok"}
MISREADING = {"line-oriented", "blob-as-commands"}
LYING = {"bdat-liar", "cisco-pix:ok"}
GARBAGE = min(1000, settings.default.max_examples // 4)  # there are many personas


def all_but(*sets: set[str]) -> st.SearchStrategy[str]:
    return st.sampled_from([name for name in NAMES if name not in set().union(*sets)])


class WalkBehindAnyOpening(Walk):
    """Replies beside commands; what greets, and what answers EHLO or HELO, a persona may put in other words."""

    def _next(self, unit: Unit, *, accepts: bool = False, ends_message: bool = False) -> int:
        if accepts or unit.verb in (b"EHLO", b"HELO"):
            code, _ = next(self._replies)
            if code == 421:
                raise StopIteration
            return code
        return super()._next(unit, ends_message=ends_message)


def test_the_exceptions_are_those_that_the_policies_show() -> None:
    books = {name: shipped(name) for name in NAMES}
    assert {name for name, book in books.items() if book.lies} == LYING
    texts = {name: repr(book.payload) for name, book in books.items()}
    assert {name for name, text in texts.items() if "Misread(" in text} == MISREADING


@given(name=all_but(BY_SEGMENT), script=units(polite=False), choices=choices, seed=seeds)
def test_law_2_slicing_does_not_matter(name: str, script: list[Unit], choices: list[int], seed: int) -> None:
    assert_same_however_cut(shipped(name), converse(inspector(name), script, choices).trace, seed)


@given(name=all_but(MISREADING, LYING), script=units(), choices=choices)
def test_laws_3_and_4_replies_in_order_and_no_invented_success(
    name: str, script: list[Unit], choices: list[int]
) -> None:
    session = converse(inspector(name), script, choices)
    walk = WalkBehindAnyOpening(session, script)
    assert walk.left_over == []
    assert walk.complete or ended_early(session)
    assert walk.messages <= session.server.messages_accepted


@given(name=all_but(MISREADING), script=units(), choices=choices)
def test_laws_5_and_7_no_payload_becomes_a_command_and_no_command_holds_a_bare_line_end(
    name: str, script: list[Unit], choices: list[int]
) -> None:
    session = converse(inspector(name), script, choices)
    assert_clean(session.server)
    assert not [line for line in session.server.commands if b"PAYLOAD" in line]


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=GARBAGE)
@given(garbage=feeds)
def test_no_octets_at_all_make_the_inspector_raise(name: str, garbage: Garbage) -> None:
    _, outcomes = replay(inspector(name), steps(garbage), SLICINGS["whole"])
    assert not errors(outcomes), errors(outcomes)
