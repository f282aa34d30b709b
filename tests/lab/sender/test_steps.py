"""The fifteen steps."""

from __future__ import annotations

from smtpguard.lab.sender.steps import TITLES, Step, StepBoard


def test_there_are_fifteen_in_the_articles_order_each_with_a_title() -> None:
    assert [int(step) for step in Step] == list(range(1, 16))
    assert set(TITLES) == set(Step)
    assert len(set(TITLES.values())) == 15


def test_a_board_starts_with_nothing_reached() -> None:
    assert {row.state for row in StepBoard().states()} == {"not reached"}


def test_states_and_their_json() -> None:
    board = StepBoard()
    board.ok(Step.CONNECT)
    board.failed(Step.BANNER)
    assert [row.state for row in board.states()][:4] == ["not reached", "ok", "failed", "not reached"]
    assert board.states()[2].as_dict() == {"step": 3, "title": "banner received", "state": "failed"}


def test_reaching_a_step_says_that_the_one_before_was_done() -> None:
    board = StepBoard()
    board.reach(Step.CONNECT)
    board.at(Step.BANNER)
    board.reach(Step.EHLO)
    board.give_up()
    assert board.current is Step.EHLO
    assert [row.state for row in board.states()][:5] == ["ok", "not reached", "ok", "failed", "not reached"]
