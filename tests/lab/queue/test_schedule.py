"""The retry figures."""

from __future__ import annotations

from itertools import islice

import pytest
from pydantic import ValidationError

from smtpguard.lab.queue.schedule import Schedule


def test_the_default_waits() -> None:
    waits = list(islice(Schedule().waits(), 9))
    assert waits == [60, 60, 60, 900, 1800, 3600, 14_400, 14_400, 14_400]


def test_the_other_figures() -> None:
    schedule = Schedule()
    assert (schedule.timeout, schedule.delay_notice, schedule.expiry) == (600, 43_200, 172_800)
    assert (schedule.messages_per_connection, schedule.problem_failures) == (20, 2)


def test_every_figure_is_a_setting() -> None:
    schedule = Schedule(glitch_retries=1, glitch_retry=5, retries=(20,))
    assert list(islice(schedule.waits(), 4)) == [5, 20, 20, 20]
    assert list(islice(Schedule(glitch_retries=0).waits(), 1)) == [900]


@pytest.mark.parametrize(
    "wrong",
    [
        {"retries": ()},
        {"timeout": 0},
        {"expiry": -1},
        {"expiry": float("inf")},
        {"retries": (1e12,)},
        {"glitch_retries": -1},
        {"problem_failures": -1},
        {"x": 1},
    ],
)
def test_figures_that_make_no_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Schedule.model_validate(wrong)
