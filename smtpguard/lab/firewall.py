"""The firewall of the lab: the real relay with a policy, between real sockets; its records become the lab's events.

Records name ports that the system picked; these are taken off, so that the same run gives the same events. The id of
the event that the imitated box logs goes by ``event_id`` here, since ``event`` is the record's name.
"""

from __future__ import annotations

from smtpguard.lab.events import EventLog
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.guard import Guard

LOOPBACK = "127.0.0.1"

_ENDPOINTS = ("client", "server", "upstream")


class Firewall:
    """Stands before ``upstream_port`` of 127.0.0.1."""

    def __init__(self, rulebook: Rulebook, upstream_port: int, events: EventLog) -> None:
        self._events = events
        self._guard = Guard(rulebook, listen=(LOOPBACK, 0), upstream=(LOOPBACK, upstream_port), journal=self._record)

    async def start(self) -> None:
        """Listen on a free port."""
        await self._guard.start()

    @property
    def port(self) -> int:
        """Where it listens; only after ``start``."""
        return self._guard.port

    async def stop(self) -> None:
        """Stop; sessions still open are drained."""
        await self._guard.stop()

    def _record(self, event: str, fields: dict[str, object]) -> None:
        shown = {name: _without_port(value) if name in _ENDPOINTS else value for name, value in fields.items()}
        if "event" in shown:
            shown["event_id"] = shown.pop("event")
        self._events.add("firewall", event, shown)


def _without_port(endpoint: object) -> object:
    if isinstance(endpoint, str) and endpoint.startswith(f"{LOOPBACK}:"):
        return LOOPBACK
    return LOOPBACK if isinstance(endpoint, tuple | list) else endpoint
