"""A tap on the lab's connections: whoever wants the octets of a leg (a capture file, a ladder) listens here.

A leg is ``sender`` (the sending host's connections) or ``receiver`` (those that reach the receiving host); without a
firewall both see the same connection. ``number`` counts the connections of a leg from 1, ``time`` is simulated seconds.
"""

from __future__ import annotations

from typing import Literal, Protocol

Leg = Literal["sender", "receiver"]


class Tap(Protocol):
    """Called by the hosts as it happens; must not raise."""

    def opened(self, leg: Leg, number: int, time: float) -> None:
        """A connection is up."""

    def said(self, leg: Leg, number: int, time: float, data: bytes, *, from_client: bool) -> None:
        """Octets of one write or read, in the order of the stream."""

    def closed(self, leg: Leg, number: int, time: float, *, from_client: bool) -> None:
        """One side has sent its FIN or reset the connection; called once a connection, for the side that was first."""
