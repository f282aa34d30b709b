"""Dates on the lab's clock: a fixed first moment plus simulated seconds, in the form that mail and the banner use.

The form is RFC 5322's with the day not padded, as in the banner of the Windows SMTP service. No locale is asked, so a
run says the same on every machine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Calendar:
    """``start``: the date at simulated second 0, with its time zone; ``seconds``: the clock, such as ``loop.time``."""

    start: datetime
    seconds: Callable[[], float]

    def now(self) -> datetime:
        """The present moment."""
        return self.at(self.seconds())

    def at(self, seconds: float) -> datetime:
        """The moment that is ``seconds`` after the start."""
        return self.start + timedelta(seconds=seconds)


def mail_date(moment: datetime) -> str:
    """``Thu, 25 Oct 2007 09:00:00 -0700``: the date of a header, a delivery status or a banner (RFC 5322 3.3)."""
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day} {month} {moment:%Y %H:%M:%S %z}"
