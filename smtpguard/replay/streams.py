"""One direction of a TCP connection: segments in, octets out in sequence (RFC 9293 3.4).

Retransmissions and overlaps: what came first stays. Out of order: held, at most ``MAX_HELD`` octets, until the missing
ones come. They are given up, as a gap, when the peer has acknowledged them (then it was the capture that lost
them), when holding would cost more than that, and at the end.
"""

from __future__ import annotations

from bisect import bisect_right
from operator import itemgetter
from typing import NamedTuple

from smtpguard.replay.segments import FIN, SYN, Segment

MAX_HELD = 1024 * 1024  # octets a direction
LEAST_COST = 256  # octets; what a piece counts for at least, so that tiny ones are bounded too
MAX_AHEAD = 1 << 30  # octets; the widest window of RFC 7323 2.3

_place = itemgetter(0)


class Gap(NamedTuple):
    """``octets`` that the capture does not have, behind the first ``offset`` octets delivered."""

    offset: int
    octets: int


class Stream:
    """Positions count octets from the first one that could be there, so that sequence numbers may wrap."""

    def __init__(self) -> None:
        self.gaps: list[Gap] = []
        self.ended = False  # everything up to the FIN was delivered
        self._first: int | None = None  # sequence number of position 0
        self._at = 0
        self._delivered = 0
        self._held: list[tuple[int, bytes]] = []
        self._held_octets = 0
        self._acknowledged = 0
        self._furthest = 0
        self._fin: int | None = None

    def take(self, segment: Segment) -> bytes:
        """The octets that become deliverable with this segment."""
        sequence = segment.sequence + (1 if segment.flags & SYN else 0)
        if self._first is None:
            self._first = sequence
        place = self._position(sequence)
        if abs(place - self._at) > MAX_AHEAD:
            return b""
        end = place + segment.length
        self._furthest = max(self._furthest, end)
        if segment.flags & FIN and self._fin is None:
            self._fin = end
        if segment.payload and place + len(segment.payload) > self._at:
            self._hold(place, segment.payload)
        return self._release(self._acknowledged)

    def acknowledged(self, number: int) -> bytes:
        """The peer acknowledges everything before ``number``: the octets that this lets go."""
        if self._first is None:
            self._first = number
        place = self._position(number)
        if not self._acknowledged < place <= self._at + MAX_AHEAD:
            return b""
        self._acknowledged = place
        return self._release(place)

    def finish(self) -> bytes:
        """No more segments come: the octets that were held for missing ones."""
        data = self._release(self._at + MAX_AHEAD)
        # An acknowledged FIN counts as one octet; where the FIN is not in the capture, the two cannot be told apart.
        missing = max(self._furthest, self._acknowledged - 1) - self._at
        if missing > 0:
            self.gaps.append(Gap(self._delivered, missing))
        return data

    def _position(self, sequence: int) -> int:
        ahead = (sequence - (self._first or 0) - self._at) & 0xFFFFFFFF
        return self._at + (ahead - (1 << 32) if ahead >> 31 else ahead)

    def _hold(self, place: int, payload: bytes) -> None:
        index = bisect_right(self._held, place, key=_place)
        if index:
            before, kept = self._held[index - 1]
            if place + len(payload) <= before + len(kept):
                return
        self._held.insert(index, (place, payload))
        self._held_octets += max(len(payload), LEAST_COST)

    def _release(self, known: int) -> bytes:
        """What is in sequence; octets that are missing before position ``known`` are given up."""
        pieces = []
        while self._held:
            place, payload = self._held[0]
            if place > self._at:
                if place > known and self._held_octets <= MAX_HELD:
                    break
                self.gaps.append(Gap(self._delivered, place - self._at))
                self._at = place
            del self._held[0]
            self._held_octets -= max(len(payload), LEAST_COST)
            if fresh := payload[self._at - place :]:
                pieces.append(fresh)
                self._at += len(fresh)
                self._delivered += len(fresh)
        self.ended = self._fin is not None and self._at >= self._fin
        return b"".join(pieces)
