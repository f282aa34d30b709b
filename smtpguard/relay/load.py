"""How much the guard has to do: looked at from time to time, never on the way of an octet.

``look`` measures what all sessions hold, finds clients that send a payload too slowly, and says whether new sessions
still find room. What counts as too much is ``limits.octets_held`` and ``failure.lag``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from smtpguard.relay.settings import RelaySettings

if TYPE_CHECKING:
    from smtpguard.relay.session import RelaySession


class Load:
    """``overload`` is the name of the limit that is passed, or ""."""

    def __init__(self) -> None:
        self.held = 0
        self.overload = ""
        self._payloads: dict[RelaySession, tuple[float, int]] = {}  # when it was last looked at, and octets by then

    def look(
        self, sessions: Iterable[RelaySession], settings: RelaySettings, now: float, lag: float
    ) -> list[RelaySession]:
        """Measure; gives the sessions whose clients are too slow. ``lag``: seconds that this call comes late."""
        limits, failure = settings.limits, settings.failure
        sessions = tuple(sessions)
        self.held = sum(session.held for session in sessions)
        if limits.octets_held is not None and self.held > limits.octets_held:
            self.overload = "octets_held"
        elif failure.lag is not None and lag > failure.lag:
            self.overload = "lag"
        else:
            self.overload = ""
        if limits.payload_rate is None:
            self._payloads.clear()
            return []
        return self._slow(sessions, limits.payload_rate, limits.payload_seconds, now)

    def _slow(self, sessions: Iterable[RelaySession], rate: int, seconds: float, now: float) -> list[RelaySession]:
        before, self._payloads = self._payloads, {}
        slow = []
        for session in sessions:
            octets = session.payload_octets
            if octets is None:
                continue
            since, had = before.get(session, (now, octets))
            if now - since < seconds:
                self._payloads[session] = since, had
            elif octets - had < rate * (now - since):
                slow.append(session)
            else:
                self._payloads[session] = now, octets
        return slow
