"""Virtual time over real loopback sockets: a loop whose clock stands still while there is work, and else jumps.

The loop's selector first polls without waiting. Only when nothing is ready, and a short real wait has found nothing
either, does the clock move to the next timer. Two days of retries pass in about a second over real sockets.

Loopback delivery is nearly always done when ``send`` returns; when the machine is busy the kernel hands it to a thread
of its own, and an octet may be in flight for a moment with no socket ready. ``SETTLE_POLLS`` waits of
``SETTLE_SECONDS`` of real time before each jump let it land. ``patience`` is for who can't bear a mistake there: more
real time before each jump of a second and more.

Fails with ``DeadlockError`` when nothing is ready and no timer is set: on this clock that wait would never end. There
is no hurry then, so a busy machine gets ``LAST_LOOK`` to deliver what may be under way.
Does not work with threads or name resolution: a thread's result can't hold the clock. Use numeric addresses.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

T = TypeVar("T")

SETTLE_POLLS = 3
SETTLE_SECONDS = 0.001
LAST_LOOK = 2.0  # seconds of real time; paid only by a run that is about to fail

SelectorEvents = list[tuple[selectors.SelectorKey, int]]


class DeadlockError(RuntimeError):
    """No socket is ready and no timer is set: nothing can ever happen again."""


class JumpingSelector(selectors.BaseSelector):
    """A selector that never waits for a timer: it moves ``now`` (seconds since the loop began) instead."""

    def __init__(self, patience: float = 0.0) -> None:
        self._real = selectors.DefaultSelector()
        self._patience = patience
        self.now = 0.0

    def select(self, timeout: float | None = None) -> SelectorEvents:
        """What is ready now, else nothing after a jump of ``timeout`` seconds; None means no timer is set."""
        ready = self._real.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        for _ in range(SETTLE_POLLS):
            ready = self._real.select(SETTLE_SECONDS)
            if ready:
                return ready
        if timeout is None:
            ready = self._real.select(LAST_LOOK)
            if not ready:
                raise DeadlockError("nothing is ready and no timer is set")
            return ready
        if self._patience and timeout >= 1 and (ready := self._real.select(self._patience)):
            return ready
        self.now += timeout
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._real.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._real.modify(fileobj, events, data)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._real.get_map()

    def close(self) -> None:
        self._real.close()


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose ``time()`` begins at 0.0 and moves only by jumps."""

    def __init__(self, patience: float = 0.0) -> None:
        self._jumping = JumpingSelector(patience)
        super().__init__(self._jumping)

    def time(self) -> float:
        """Simulated seconds since the loop began."""
        return self._jumping.now


def run_virtual(main: Callable[[], Coroutine[Any, Any, T]], patience: float = 0.0) -> T:
    """Run ``main()`` on a fresh virtual clock and return what it returns; its exceptions pass through."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(patience)) as runner:
        return runner.run(main())
