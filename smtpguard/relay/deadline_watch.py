"""One timer for the deadlines of all sessions: an octet touches none, and a session costs none.

    watch = DeadlineWatch(sessions)     # a set that its owner fills and empties
    watch.begin(loop, shortest)         # a session has begun, none of whose deadlines is nearer than so many seconds
    watch.end()                         # the last one is over

When the nearest deadline of all is due every session is looked at. With many sessions the next look comes a little
later than that: so much that looking takes about a hundredth of the time. A session that raises is cut off, and the
loop's exception handler is told; the others are looked at all the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtpguard.relay.session import RelaySession

_SECONDS_A_SESSION = 0.000_1
"""Between two looks, for each session: a hundred times what it costs to look at one."""
_TICK = 0.001
"""The least between two looks, and a tick of uvloop's clock: it calls at once what is due in less than half of one, so
that a deadline which is not quite there yet would be looked at again and again until the tick."""


class DeadlineWatch:
    """The watch over ``sessions``."""

    def __init__(self, sessions: Collection[RelaySession]) -> None:
        self._sessions = sessions
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0  # when it is
        self._shortest = 0.0

    def begin(self, loop: asyncio.AbstractEventLoop, shortest: float) -> None:
        """A session has begun. ``shortest``: seconds that all have at least, those that began before too."""
        if self._timer is None or shortest < self._shortest:
            self._shortest = shortest
            due = loop.time() + shortest
            if self._timer is None or due < self._due:
                self._look_at(due, loop)

    def end(self) -> None:
        """There are no sessions any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at(self, when: float, loop: asyncio.AbstractEventLoop) -> None:
        self.end()
        self._due = when
        self._timer = loop.call_at(when, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        sessions = tuple(self._sessions)
        if not sessions:
            return
        now = loop.time()
        # One that begins behind this look has its first deadline behind the next one.
        nearest = now + self._shortest
        for session in sessions:
            try:
                deadline = session.look(now)
            except Exception as error:
                loop.call_exception_handler({"message": "a session can't keep its deadline", "exception": error})
                session.cut_off()
                continue
            if deadline is not None and deadline < nearest:
                nearest = deadline
        self._look_at(max(nearest, now + max(_TICK, _SECONDS_A_SESSION * len(sessions))), loop)
