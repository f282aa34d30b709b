"""What crossed the lab's wires: a tap that keeps every connection of every leg, for capture files and ladders.

A host's own writes are kept write by write. What it read is joined: how TCP cut it on the way is the machine's
business, and the same run shall give the same capture. Held in memory, at most ``limit`` octets: a connection that
opens when so much is held is counted in ``missed`` and not kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from smtpguard.lab.capture.tap import Leg

LIMIT = 256 * 1024 * 1024  # octets; ours: a few of the largest messages that the lab takes


class Piece(NamedTuple):
    """Octets of one side, in the order of the stream; ``time`` is simulated seconds."""

    time: float
    from_client: bool
    data: bytes


class Closing(NamedTuple):
    """The first FIN or reset; ``before`` is how many pieces came before it."""

    time: float
    from_client: bool
    before: int


@dataclass(slots=True)
class Connection:
    """One connection of a leg; ``closing`` is None when the run ended first."""

    leg: Leg
    number: int
    opened: float
    pieces: list[Piece] = field(default_factory=list)
    closing: Closing | None = None

    def octets(self, *, from_client: bool) -> bytes:
        """Everything that one side said."""
        return b"".join(piece.data for piece in self.pieces if piece.from_client is from_client)

    def add(self, piece: Piece) -> None:
        """Keep ``piece``; joined to the last one when both were read in the same moment from the same side."""
        written_here = piece.from_client is (self.leg == "sender")
        last = self.pieces[-1] if self.pieces else None
        joins = last is not None and (last.time, last.from_client) == (piece.time, piece.from_client)
        if last is not None and joins and not written_here:
            self.pieces[-1] = last._replace(data=last.data + piece.data)
        else:
            self.pieces.append(piece)


class Capture:
    """A ``Tap`` that collects. ``missed`` counts the connections that were not kept for want of room."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.missed = 0
        self._room = limit
        self._connections: dict[tuple[Leg, int], Connection] = {}

    def opened(self, leg: Leg, number: int, time: float) -> None:
        """A connection is up."""
        if self._room > 0:
            self._connections[leg, number] = Connection(leg, number, time)
        else:
            self.missed += 1

    def said(self, leg: Leg, number: int, time: float, data: bytes, *, from_client: bool) -> None:
        """Octets of one write or read."""
        connection = self._connections.get((leg, number))
        if connection is not None and data:
            self._room -= len(data)
            connection.add(Piece(time, from_client, bytes(data)))

    def closed(self, leg: Leg, number: int, time: float, *, from_client: bool) -> None:
        """One side was first to end the connection."""
        connection = self._connections.get((leg, number))
        if connection is not None and connection.closing is None:
            connection.closing = Closing(time, from_client, len(connection.pieces))

    def connections(self, leg: Leg) -> list[Connection]:
        """The connections of ``leg`` in the order of their numbers."""
        return [self._connections[key] for key in sorted(self._connections) if key[0] == leg]
