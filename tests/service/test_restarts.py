"""Back-off: soon, later, never; a long life forgives."""

from __future__ import annotations

from smtpguard.service.restarts import GIVE_UP_AFTER, LONG_LIFE, Restarts


def test_later_and_later_and_then_never() -> None:
    restarts = Restarts()
    delays = [restarts.delay(0.0, 1.0) for _ in range(GIVE_UP_AFTER)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, None]


def test_a_long_life_forgives() -> None:
    restarts = Restarts()
    for _ in range(GIVE_UP_AFTER - 1):
        assert restarts.delay(0.0, LONG_LIFE - 1) is not None
    assert restarts.delay(0.0, LONG_LIFE) == 0.1
