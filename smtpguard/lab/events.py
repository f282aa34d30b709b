"""What the lab's hosts say about themselves, with the simulated time: one list for sender, firewall and receiver.

The order in which hosts speak within one simulated instant is the scheduler's business and no fact about mail, so
``ordered`` sorts by time, then by host, and keeps each host's own order: the same run gives the same list.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

Host = Literal["sender", "firewall", "receiver"]

_RANK: dict[Host, int] = {"sender": 0, "firewall": 1, "receiver": 2}


@dataclass(frozen=True, slots=True)
class Event:
    """``time``: simulated seconds; ``event``: its name; ``fields``: plain values."""

    time: float
    host: Host
    event: str
    fields: dict[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """One flat object for JSON; the three words of ours come first and win over fields of the same name."""
        head: dict[str, object] = {"time": round(self.time, 6), "host": self.host, "event": self.event}
        return head | {name: value for name, value in self.fields.items() if name not in head}


class EventLog:
    """Collects events; ``watch`` is called with each one as it happens, for those who show progress."""

    def __init__(self, seconds: Callable[[], float], watch: Callable[[Event], None] | None = None) -> None:
        self._seconds = seconds
        self._watch = watch
        self._events: list[Event] = []

    def add(self, host: Host, event: str, fields: dict[str, object] | None = None) -> None:
        """Write one event down at the present simulated time."""
        entry = Event(self._seconds(), host, event, dict(fields or {}))
        self._events.append(entry)
        if self._watch is not None:
            self._watch(entry)

    def ordered(self) -> tuple[Event, ...]:
        """All events so far, in the order that the module's header explains."""
        return tuple(sorted(self._events, key=lambda entry: (entry.time, _RANK[entry.host])))
