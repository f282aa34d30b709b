"""The event logs of the three hosts, built from what a run's hosts recorded, in the order in which it happened.

- 20031 on the firewall for each decision whose rule names that event (KB818222)
- 7004 (7002 for a 4xx) on the sender for an XEXCH50 that was refused, 7010 on the receiver that refused it (KB843106)
- 4006 on the sender for a connection that the peer dropped; 4000 where the sender is the SMTP service of Windows
  without Exchange (KB286673)

Connections are numbered as the lab counts them, from 1 on each host. An event id that a policy names and that has no
text here makes no entry: the lab prints no words that it has no source for. Nothing is logged for a peer that stays
silent, since no source shows an event for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from smtpguard.lab.dates import Calendar
from smtpguard.lab.eventlog.texts import EventText, event_text, known_ids
from smtpguard.lab.events import Event, Host

SenderSystem = Literal["exchange", "iis"]

DUMPED = 12  # octets of a command that event 20031 shows: the one dump known has this many


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as Event Viewer has it; ``time`` is simulated seconds, ``date`` the same on the lab's calendar."""

    time: float
    date: datetime
    host: Host
    computer: str
    source: str
    category: str
    type: str
    event_id: int
    user: str
    description: str
    data: bytes

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON; ``data`` in hexadecimal, empty where there is none."""
        return {
            "time": round(self.time, 6),
            "date": self.date.isoformat(),
            "host": self.host,
            "computer": self.computer,
            "source": self.source,
            "category": self.category,
            "type": self.type,
            "event_id": self.event_id,
            "user": self.user,
            "description": self.description,
            "data": self.data.hex(),
        }


def entries(
    events: Sequence[Event],
    calendar: Calendar,
    hosts: Mapping[Host, str],
    *,
    sender_system: SenderSystem = "exchange",
    protocol_logging: bool = True,
) -> tuple[Entry, ...]:
    """The entries that ``events`` make, in their order.

    ``hosts``: the computer name of each host. ``protocol_logging``: SMTP Protocol at Medium or higher on both servers.
    """
    log = _Log(calendar, hosts, sender_system, protocol_logging)
    for event in events:
        log.take(event)
    return tuple(log.entries)


class _Log:
    """Turns one event after the other into the entry that it makes, if any."""

    def __init__(
        self, calendar: Calendar, hosts: Mapping[Host, str], sender_system: SenderSystem, protocol_logging: bool
    ) -> None:
        self.entries: list[Entry] = []
        self._calendar = calendar
        self._hosts = hosts
        self._dropped = 4006 if sender_system == "exchange" else 4000
        self._protocol_logging = protocol_logging
        self._takers: dict[tuple[Host, str], Callable[[Event], None]] = {
            ("sender", "xexch50-refused"): self._refused,
            ("sender", "connection-dropped"): self._lost,
            ("receiver", "blob-refused"): self._refusing,
        }

    def take(self, event: Event) -> None:
        taker = self._takers.get((event.host, event.event))
        if taker is not None:
            taker(event)
        elif event.host == "firewall" and event.fields.get("event_id") in known_ids():
            self._imitated(event)

    def _imitated(self, event: Event) -> None:
        text = event_text(int(str(event.fields["event_id"])))
        self._add(event, text, {}, command_start(event.fields) if text.data == "command" else b"")

    def _refused(self, event: Event) -> None:
        fields = event.fields
        reply, command = str(fields["reply"]), str(fields["command"])
        words = {
            "connection": fields["connection"],
            "remote": fields["remote"],
            "verb": _verb(command),
            "reply": reply,
            "command": command,
        }
        self._add(event, event_text(7002 if reply.startswith("4") else 7004), words)

    def _refusing(self, event: Event) -> None:
        fields = event.fields
        verb, blank, arguments = str(fields["command"]).partition(" ")
        words = {
            "connection": fields["connection"],
            "client": fields["client"],
            "verb": verb.lower(),
            "reply": fields["reply"],
            "command": f"{verb.lower()}{blank}{arguments}",
        }
        self._add(event, event_text(7010), words)

    def _lost(self, event: Event) -> None:
        self._add(event, event_text(self._dropped), {"domain": event.fields["domain"]})

    def _add(self, event: Event, text: EventText, words: Mapping[str, object], data: bytes = b"") -> None:
        if text.protocol_logging and not self._protocol_logging:
            return
        entry = Entry(
            time=event.time,
            date=self._calendar.at(event.time),
            host=event.host,
            computer=self._hosts[event.host],
            source=text.event_source,
            category=text.category,
            type=text.type,
            event_id=text.event_id,
            user=text.user,
            description=text.description.format_map(words),
            data=data,
        )
        self.entries.append(entry)


def command_start(fields: Mapping[str, object]) -> bytes:
    """The octets of the command behind a decision, as far as its record tells them, cut at ``DUMPED``.

    A record keeps verb and size and no other word of the command: of ``XEXCH50 1020 2`` the twelve octets of the
    article, of a verb without a size the verb alone. An unknown verb is not in the record: nothing.
    """
    verb, size = fields.get("verb"), fields.get("size")
    if not isinstance(verb, str) or verb == "unknown":
        return b""
    command = verb if size is None else f"{verb} {size}"
    return command.encode("ascii", "replace")[:DUMPED]


def _verb(command: str) -> str:
    return command.partition(" ")[0].lower()
