"""Times and counts in words."""

from __future__ import annotations

import pytest

from smtpguard.pages.wording import counted, lasting, span


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.0, "less than a second"),
        (0.99, "less than a second"),
        (1.0, "1 second"),
        (600.0, "10 minutes"),
        (3660.0, "1 hour 1 minute"),
        (86400.0 * 2, "2 days"),
        (86400.0 + 5, "1 day"),
        (86400.0 + 3 * 3600 + 240, "1 day 3 hours"),
    ],
)
def test_how_long_something_lasted(seconds: float, shown: str) -> None:
    assert lasting(seconds) == shown


def test_one_and_many() -> None:
    assert (counted(1, "attempt", "attempts"), counted(17, "attempt", "attempts")) == ("1 attempt", "17 attempts")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00"), (59.9, "00:00:59"), (600, "00:10:00"), (86_399, "23:59:59"), (172_800, "2d 00:00:00")],
)
def test_spans_of_time(seconds: float, text: str) -> None:
    assert span(seconds) == text
