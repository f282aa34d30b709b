"""File descriptors, as many as the sessions need and the host lets us have.

A process that has none left can take no call: the kernel's queue is emptied by closing what is in it, and those clients
hear nothing. So the guard raises its own soft limit, and takes no more sessions than fit: the next one hears 421.
"""

from __future__ import annotations

import resource

A_SESSION = 2
"""The client's socket and the server's."""
BESIDES = 48
"""Listeners, journal, figures, a shared store, workers, and clients that are just told 421."""


def make_room(sessions: int) -> int:
    """Raise the soft limit of this process where so many sessions need more; how many of them fit now."""
    needed = BESIDES + A_SESSION * sessions
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if _within(needed, soft):
        return sessions
    soft = needed if _within(needed, hard) else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return min(sessions, max(1, (soft - BESIDES) // A_SESSION))


def _within(needed: int, limit: int) -> bool:
    return limit == resource.RLIM_INFINITY or needed <= limit
