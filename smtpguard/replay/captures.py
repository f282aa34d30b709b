"""The TCP conversations of a capture: who was client, and what each side said, in the order in which it could be read.

``read_capture(path)`` takes what ``frames`` takes, and fails as it does, with ``CaptureError``. A capture without a
conversation gives an empty list. All octets of a capture are in memory at the end; what is held beside them is bounded
(``streams.MAX_HELD``). Does not tell SMTP from other protocols, and leaves out connections without an octet.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from smtpguard.replay.frames import CaptureError, read_frames
from smtpguard.replay.segments import ACK, LINKS, RST, SYN, Segment, segment
from smtpguard.replay.streams import Gap, Stream
from smtpguard.smtp.sides import CLIENT, SERVER, Side

__all__ = ["CaptureError", "Conversation", "Endpoint", "Gap", "Turn", "read_capture"]

PORTS = frozenset((25, 465, 587, 2525))

End = Literal["", "fin", "reset"]


class Endpoint(NamedTuple):
    """An address as text, and a port."""

    address: str
    port: int


class Turn(NamedTuple):
    """What one side said until the other spoke, or how it ended; ``time`` counts seconds from the first frame."""

    side: Side
    data: bytes
    end: End = ""
    time: float = 0.0

    def __repr__(self) -> str:
        # Captures hold mail and passwords: no octet of them belongs into a traceback or a log.
        return f"Turn({self.side!r}, {self.end or f'{len(self.data)} octets'}, {self.time:.6f})"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One TCP connection. ``gaps``: the octets of a side that the capture lacks; ``whole``: it began with a SYN."""

    client: Endpoint
    server: Endpoint
    turns: tuple[Turn, ...]
    gaps: dict[Side, tuple[Gap, ...]]
    whole: bool

    @property
    def gap(self) -> bool:
        """Whether the capture lacks octets of either side."""
        return any(self.gaps.values())

    def said(self, side: Side) -> bytes:
        """All octets of ``side``."""
        return b"".join(turn.data for turn in self.turns if turn.side is side)


def read_capture(path: Path | str) -> list[Conversation]:
    """The conversations in the file at ``path``, in the order in which they began. Raises ``CaptureError``."""
    path = Path(path)
    open_now: dict[frozenset[tuple[str, int]], _Connection] = {}
    seen: list[_Connection] = []
    foreign: set[int] = set()
    for frame in read_frames(path):
        found = segment(frame.link, frame.data)
        if found is None:
            if frame.link not in LINKS:
                foreign.add(frame.link)
            continue
        pair = frozenset((found.source, found.target))
        connection = open_now.get(pair)
        if connection is None or connection.is_over(found):
            connection = open_now[pair] = _Connection(found, frame.time)
            seen.append(connection)
        connection.take(found, frame.time)
    if foreign and not seen:
        raise CaptureError(path, f"link type {min(foreign)} is none of those that are read here")
    return [connection.conversation() for connection in seen if connection.finish()]


class _Said(NamedTuple):
    speaker: int
    data: bytes
    end: End
    time: float


class _Connection:
    """A connection as it is put together: its two endpoints by number, the sender of the first segment is 0."""

    def __init__(self, first: Segment, time: float) -> None:
        self._ends = (Endpoint(*first.source), Endpoint(*first.target))
        self._streams = (Stream(), Stream())
        self._began = time
        self._said: list[_Said] = []
        self._opener: int | None = None  # who sent the SYN
        self._syn: int | None = None
        self._ended: set[int] = set()

    def is_over(self, found: Segment) -> bool:
        """Whether ``found`` opens another connection between the same two ports."""
        if not found.flags & SYN or found.flags & ACK:
            return False
        # Who calls in vain may call again from the same port. Where no SYN was seen, this one may just be late.
        return (bool(self._said) or self._syn is not None) and found.sequence != self._syn

    def take(self, found: Segment, time: float) -> None:
        speaker = 0 if found.source == self._ends[0] else 1
        if found.flags & SYN and self._opener is None:
            self._opener = 1 - speaker if found.flags & ACK else speaker
        if found.flags & SYN and not found.flags & ACK:
            self._syn = found.sequence
        peer, own = self._streams[1 - speaker], self._streams[speaker]
        if found.flags & ACK:
            self._add(1 - speaker, peer.acknowledged(found.acknowledged), time)
        if found.flags & RST:  # its octets, if any, are a remark about the error: RFC 9293 3.5.3
            self._add(speaker, own.finish(), time)
            self._end(speaker, "reset", time)
            return
        self._add(speaker, own.take(found), time)

    def finish(self) -> bool:
        """The capture is over; whether anything was said at all."""
        time = self._said[-1].time + self._began if self._said else self._began
        for speaker, stream in enumerate(self._streams):
            if speaker not in self._ended:
                self._add(speaker, stream.finish(), time)
        return any(said.data for said in self._said)

    def conversation(self) -> Conversation:
        client = self._client()
        side = {client: CLIENT, 1 - client: SERVER}
        gaps = {side[number]: tuple(stream.gaps) for number, stream in enumerate(self._streams)}
        turns = tuple(Turn(side[said.speaker], said.data, said.end, said.time) for said in _merged(self._said))
        return Conversation(self._ends[client], self._ends[1 - client], turns, gaps, self._opener is not None)

    def _add(self, speaker: int, data: bytes, time: float) -> None:
        if speaker in self._ended:
            return
        if data:
            self._said.append(_Said(speaker, data, "", time - self._began))
        if self._streams[speaker].ended:
            self._end(speaker, "fin", time)

    def _end(self, speaker: int, end: End, time: float) -> None:
        if speaker not in self._ended:
            self._ended.add(speaker)
            self._said.append(_Said(speaker, b"", end, time - self._began))

    def _client(self) -> int:
        """Who sent the SYN; else who has no mail port; else who does not greet; else the higher port."""
        if self._opener is not None:
            return self._opener
        on_port = [end.port in PORTS for end in self._ends]
        if on_port[0] != on_port[1]:
            return on_port.index(False)
        greets = [self._opening(speaker).startswith(b"220") for speaker in (0, 1)]
        if greets[0] != greets[1]:
            return greets.index(False)
        return 0 if self._ends[0].port > self._ends[1].port else 1

    def _opening(self, speaker: int) -> bytes:
        return next((said.data for said in self._said if said.speaker == speaker), b"")


def _merged(said: list[_Said]) -> Iterator[_Said]:
    """The same, what one speaker said without a break in one piece."""
    for (speaker, end), run in groupby(said, key=lambda piece: (piece.speaker, piece.end)):
        pieces = list(run)
        yield _Said(speaker, b"".join(piece.data for piece in pieces), end, pieces[0].time)
