"""When a worker that died is started again: at once after a long life, later and later after short ones, then never."""

from __future__ import annotations

FIRST_DELAY = 0.1
LONG_LIFE = 60.0
"""Seconds after which an earlier death is forgotten."""
GIVE_UP_AFTER = 8
"""Deaths one soon after another: some 13 seconds of trying."""


class Restarts:
    """The deaths of one worker. All times on one monotonic clock."""

    def __init__(self) -> None:
        self._deaths = 0

    def delay(self, born: float, died: float) -> float | None:
        """Seconds until it is started again; None when it should not be any more."""
        if died - born >= LONG_LIFE:
            self._deaths = 0
        self._deaths += 1
        if self._deaths >= GIVE_UP_AFTER:
            return None
        return FIRST_DELAY * float(1 << self._deaths - 1)
