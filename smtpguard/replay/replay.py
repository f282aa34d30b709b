"""One captured conversation fed to the Inspector under a rulebook, as a relay would have fed it.

The turns come in the captured order and at the captured times, at most ``SLICE`` octets at once. A side that the
Inspector paused is not read: its octets, and its FIN or reset behind them, queue until ``Resume``. What nobody asked
for before the end is ``unread``. Both peers say what they said in the capture, whatever the policy makes of it: a
replay tells what a guard would have done to these octets, not what the peers would have answered then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple, cast

from smtpguard.inspection.effects import Close, Effect, Finish, Pause, Record, Reset, Resume, Send, Tunnel
from smtpguard.inspection.inspector import Inspector
from smtpguard.policy.rulebook import Rulebook
from smtpguard.replay.captures import Conversation, End, Turn
from smtpguard.smtp.sides import CLIENT, SERVER, Side, other

SLICE = 64 * 1024  # octets; what the relay reads at once

Cut = Callable[[bytes], Iterable[bytes]]


class Place(NamedTuple):
    """Where in a conversation a record came: behind so many reads, and so many commands."""

    reads: int
    commands: int


@dataclass(slots=True)
class Replay:
    """What came of it. ``sent``: by the side that it went to; ``unread``, ``held``: how many octets stayed behind."""

    sent: dict[Side, bytes] = field(repr=False)  # mail and passwords belong into no traceback
    records: list[Record] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)  # one a record
    finished: set[Side] = field(default_factory=set)  # sides that were sent a FIN
    summary: dict[str, object] = field(default_factory=dict)
    unread: dict[Side, int] = field(default_factory=dict)
    held: int = 0
    closed: bool = False
    reset: bool = False
    tunnel: bool = False


def slices(data: bytes) -> Iterable[bytes]:
    """``data`` as a relay reads it that never waits."""
    return [data[at : at + SLICE] for at in range(0, len(data), SLICE)]


def replay(
    conversation: Conversation,
    rulebook: Rulebook,
    *,
    cut: Cut = slices,
    rng: Random | None = None,
    number: int = 0,
    tallies: dict[str, int] | None = None,
) -> Replay:
    """Feed ``conversation`` to an Inspector under ``rulebook``; ``cut`` says in which pieces a turn was read.

    No piece may be longer than ``SLICE``. ``rng`` is for rules that draw; without it the rulebook's own seed counts,
    and the session's ``number``. ``tallies`` count over several conversations.
    """
    inspector = Inspector(
        rulebook,
        client=conversation.client.address or None,
        server=conversation.server.address or None,
        rng=rng,
        number=number,
        tallies=tallies,
    )
    player = _Player(inspector)
    player.play(conversation.turns, cut)
    return player.result()


class _Player:
    """The shell around one Inspector: two queues, who is paused, what went out."""

    def __init__(self, inspector: Inspector) -> None:
        self._inspector = inspector
        self._queues: dict[Side, deque[bytes | End]] = {CLIENT: deque(), SERVER: deque()}
        self._paused: set[Side] = set()
        self._out: dict[Side, list[bytes]] = {CLIENT: [], SERVER: []}
        self._over = False
        self._reads = 0
        self._replay = Replay(sent={})

    def play(self, turns: Sequence[Turn], cut: Cut) -> None:
        self._carry_out(self._inspector.start(0.0))
        for turn in turns:
            self._until(turn.time)
            for piece in cut(turn.data):
                self._add(turn.side, piece, turn.time)
            if turn.end:
                self._add(turn.side, turn.end, turn.time)

    def _add(self, side: Side, piece: bytes | End, now: float) -> None:
        self._queues[side].append(piece)
        self._pump(side, now)

    def result(self) -> Replay:
        done = self._replay
        done.sent = {side: b"".join(pieces) for side, pieces in self._out.items()}
        done.unread = {
            side: sum(len(piece) for piece in queue if isinstance(piece, bytes)) for side, queue in self._queues.items()
        }
        done.held = self._inspector.held
        done.summary = self._inspector.summary()
        return done

    def _until(self, now: float) -> None:
        """Let the timers run that are due by ``now``."""
        deadline = self._inspector.deadline
        if not self._over and deadline is not None and deadline <= now:
            self._carry_out(self._inspector.advance(now))
            self._pump(CLIENT, now)

    def _pump(self, latest: Side, now: float) -> None:
        """Read whoever may be read, until nobody has anything; what the ``latest`` speaker's peer left comes first."""
        ready = (other(latest), latest)
        while not self._over:
            side = next((s for s in ready if self._queues[s] and s not in self._paused), None)
            if side is None:
                return
            self._carry_out(self._read(side, self._next(side), now))

    def _next(self, side: Side) -> bytes | End:
        """The next piece of ``side``; only one line of it while its peer has something unread.

        In the capture that had been read: what stands behind this line may answer it, and must not come first.
        """
        queue = self._queues[side]
        piece = queue.popleft()
        if not isinstance(piece, bytes) or not self._queues[other(side)]:
            return piece
        end = piece.find(b"\n") + 1
        if 0 < end < len(piece):
            queue.appendleft(piece[end:])
            return piece[:end]
        return piece

    def _read(self, side: Side, piece: bytes | End, now: float) -> list[Effect]:
        self._reads += 1
        if isinstance(piece, bytes):
            return self._inspector.receive(side, piece, now)
        return self._inspector.eof(side, now) if piece == "fin" else self._inspector.lost(side, now)

    def _carry_out(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._out[effect.side].append(bytes(effect.data))
            elif isinstance(effect, Record):
                self._replay.records.append(effect)
                self._replay.places.append(Place(self._reads, cast(int, self._inspector.summary()["commands"])))
            elif isinstance(effect, Pause):
                self._paused.add(effect.side)
            elif isinstance(effect, Resume):
                self._paused.discard(effect.side)
            elif isinstance(effect, Finish):
                self._replay.finished.add(effect.side)
            elif isinstance(effect, Tunnel):
                self._replay.tunnel = True
                self._paused.clear()
            elif isinstance(effect, Close | Reset):
                self._over = self._replay.closed = True
                self._replay.reset = self._replay.reset or isinstance(effect, Reset)
