"""What is counted over all sessions as they go: commands by verb, and how long servers take to answer.

A few additions a command and nothing an octet. Whoever shows the figures takes what was counted since the last time.
"""

from __future__ import annotations

from bisect import bisect_left

from smtpguard.smtp.verbs import count_by_verb

REPLY_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
"""Upper bounds in seconds; the last are those that RFC 5321 4.5.3.2 lets a client wait."""


class Meter:
    """``verbs`` has a place for each verb; all others count under the empty name."""

    __slots__ = ("_replies", "_seconds", "verbs")

    def __init__(self) -> None:
        self.verbs = count_by_verb()
        self._replies = [0] * (len(REPLY_BUCKETS) + 1)
        self._seconds = 0.0

    def reply(self, seconds: float) -> None:
        """A server's reply came so long after what it waited for."""
        self._replies[bisect_left(REPLY_BUCKETS, seconds)] += 1
        self._seconds += seconds

    def take(self) -> dict[str, object]:
        """What was counted since the last time."""
        verbs = {verb: count for verb, count in self.verbs.items() if count}
        for verb in verbs:
            self.verbs[verb] = 0
        replies, self._replies = self._replies, [0] * len(self._replies)
        seconds, self._seconds = self._seconds, 0.0
        return {"verbs": verbs, "replies": replies, "reply_seconds": seconds}
