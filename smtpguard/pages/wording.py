"""Times and counts in the words of people."""

from __future__ import annotations

_UNITS = ((86400, "day", "days"), (3600, "hour", "hours"), (60, "minute", "minutes"), (1, "second", "seconds"))
_SHOWN = 2  # units: "2 days 3 hours" is exact enough


def lasting(seconds: float) -> str:
    """``10 minutes``, ``1 hour 20 minutes``; below a second ``less than a second``."""
    rest = int(seconds)
    found: list[str] = []
    for size, one, many in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            found.append(counted(count, one, many))
        elif found:
            break  # "2 days 5 seconds" would claim an exactness that no one asked for
    return " ".join(found[:_SHOWN]) or "less than a second"


def counted(count: int, one: str, many: str) -> str:
    """``1 attempt``, ``17 attempts``."""
    return f"{count} {one if count == 1 else many}"


def span(seconds: float) -> str:
    """Time since a beginning as people read it: ``2d 00:00:00``, ``00:10:00``; fractions of a second are cut off."""
    whole = int(seconds)
    days, rest = divmod(whole, 86400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}d {clock}" if days else clock
