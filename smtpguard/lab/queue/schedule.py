"""When the sender tries again, when it says that it is late, and when it gives up. Figures only, no clock.

Sources: the sender section of the facts: glitch retry 60 s three times, 10 minutes of silence, expiry at 2 days
(vendor texts); 15, 30, 60 and 240 minutes are the figures of the IIS SMTP service and Exchange 2000; 12 hours for the
delay notice is a secondary source. Exchange 2003's own retry figures were not found, so each figure is a setting.
20 messages a connection and two failures before a message is demoted are KB308350's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveInt

MINUTE = 60.0
HOUR = 60 * MINUTE
_YEAR = 366 * 24 * HOUR

Seconds = Annotated[float, Field(gt=0, le=_YEAR)]  # the bound is ours: no calendar ends before a run does


class Schedule(BaseModel):
    """All times in seconds. ``problem_failures`` is ``PerMsgFailuresBeforeMarkingAsProblem``; 0 never demotes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout: Seconds = 10 * MINUTE  # of a connection on which nothing arrives
    glitch_retry: Seconds = 60.0
    glitch_retries: int = Field(default=3, ge=0)
    retries: tuple[Seconds, ...] = Field(
        default=(15 * MINUTE, 30 * MINUTE, 60 * MINUTE, 240 * MINUTE), min_length=1
    )  # first, second, third, and every later one
    delay_notice: Seconds = 12 * HOUR
    expiry: Seconds = 48 * HOUR
    messages_per_connection: PositiveInt = 20
    problem_failures: int = Field(default=2, ge=0)
    attempts_at_most: PositiveInt = 1000  # of a message; ours: what keeps a run with tiny figures bounded

    def waits(self) -> Iterator[float]:
        """The pause before the second attempt, the third, and so on; without end."""
        for _ in range(self.glitch_retries):
            yield self.glitch_retry
        yield from self.retries
        while True:
            yield self.retries[-1]
