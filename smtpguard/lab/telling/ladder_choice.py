"""Which connections of a run are worth drawing, and which legs belong together.

A connection of the sender and the firewall's session of the same number are one. The receiver's connection that
belongs to it is the first one not yet taken that opened while it lasted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smtpguard.lab.capture.legs import Capture, Connection
from smtpguard.lab.events import Event
from smtpguard.lab.telling.ladder import direct_ladder, firewall_ladder, wording
from smtpguard.pages.ladder import Ladder


def ladders(capture: Capture, events: Sequence[Event], *, firewall: bool) -> tuple[Ladder, ...]:
    """The first connection's ladder, and each later one that tells another story than those before it."""
    told: dict[tuple[tuple[object, ...], ...], Ladder] = {}
    for ladder in _all(capture, events, firewall=firewall):
        told.setdefault(wording(ladder), ladder)
    return tuple(told.values())


def _all(capture: Capture, events: Sequence[Event], *, firewall: bool) -> Iterator[Ladder]:
    near = capture.connections("sender")
    if not firewall:
        yield from map(direct_ladder, near)
        return
    far = capture.connections("receiver")
    for connection in near:
        partner = next((one for one in far if _during(one, connection)), None)
        if partner is not None:
            far.remove(partner)
        session = str(connection.number)
        told = [event for event in events if event.host == "firewall" and event.fields.get("session") == session]
        yield firewall_ladder(connection, partner, told)


def _during(inner: Connection, outer: Connection) -> bool:
    end = outer.closing.time if outer.closing is not None else float("inf")
    return outer.opened <= inner.opened <= end
