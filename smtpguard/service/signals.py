"""The signals of a guard, from before its pid file names it until its process has ended.

    hold_reloads()                          # whoever reads the pid file may send SIGHUP from then on
    heed(loop, stop, reload)                # they arrive now, the one that was held back too
    ...
    heed_no_more(loop)                      # the last session is over; a lab that stays up ends so, too

Between these two a signal may come as often as it likes. Behind them it changes nothing: what a loop leaves behind when
it is closed would end the process halfway, with a status of its own and with its pid file still there.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

STOPS = (signal.SIGTERM, signal.SIGINT)
HEEDED = (*STOPS, signal.SIGHUP)


def hold_reloads() -> None:
    """A SIGHUP waits: its default would end a guard that has not read anything yet."""
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGHUP,))


def heed(loop: asyncio.AbstractEventLoop, stop: Callable[[], object], reload: Callable[[], object]) -> None:
    """SIGTERM and SIGINT stop, SIGHUP reloads."""
    for number in STOPS:
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGHUP,))


def heed_no_more(loop: asyncio.AbstractEventLoop) -> None:
    """The process ends by itself from here on."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    for number in HEEDED:
        loop.remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, before)
