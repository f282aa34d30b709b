"""One direction of a session: octets held, readers picked by state, things to do later.

A reader is a method ``(data, position) -> position``: how far it got, or -1 when it needs more or must wait; what it
leaves is held. A flow that can't go on (its verb waits for a reply, or a rule delays it) holds what comes, up to
``HELD_OCTETS``; then it asks the shell to stop reading that side, and so never holds more than that and one read
(law 6). It does not stop at the first octet: what is held would depend on how TCP cut the stream, and with it, where a
server answers ahead of its time, which reply answers what (law 2).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from smtpguard.inspection.effects import Effect, Finish, Pause, Resume
from smtpguard.inspection.session import Session
from smtpguard.smtp.sides import Side

HELD_OCTETS = 32_768
"""Octets that a side may say behind what waits before it is read no more."""

Reader = Callable[[Any, bytes, int], int]


class Flow:
    """Reads ``side`` and sends towards ``peer``."""

    __slots__ = (
        "_agenda", "_half", "_paused", "_read", "_running", "ended", "finished", "held", "octets", "peer", "session",
        "side", "waiting",
    )  # fmt: skip

    def __init__(self, session: Session, side: Side, peer: Side) -> None:
        self.session = session
        self.side = side
        self.peer = peer
        self.held = b""
        self.octets = 0
        self.waiting = False
        self.ended = False
        self.finished = False
        self._paused = False
        self._running = False  # octets are being read: what is left of them goes out before any FIN
        self._half = False  # the head of the agenda is the rest of something whose first piece is out
        self._agenda: deque[tuple[float, Callable[[], None], int]] = deque()
        # A plain function, no bound method: those would make every session a reference cycle of its own.
        self._read: Reader = Flow._read_nothing

    # --- octets in ---------------------------------------------------------------------------------------------

    def forwards(self, data: bytes, now: float) -> Sequence[Effect] | None:
        """The short way: these octets go on as they are, at once, and behind them come these effects, mostly none.
        None: they need ``receive``; nothing has happened yet."""
        raise NotImplementedError

    def receive(self, data: bytes) -> None:
        """Octets as they were read from ``side``."""
        self.octets += len(data)
        if self.held:
            data = self.held + data
            self.held = b""
        self._run(data)

    def _run(self, data: bytes) -> None:
        position = 0
        size = len(data)
        self._running = True
        while position < size:
            if self._agenda:
                self._hold(data[position:])
                break
            after = self._read(self, data, position)
            if after < 0:
                self._hold(data[position:] if position else data)
                break
            position = after
        self._running = False
        if self.ended:
            self._finish_when_done()

    def _hold(self, rest: bytes) -> None:
        self.held = rest
        self._heed_limit()

    def _heed_limit(self) -> None:
        if not self._paused and (self.waiting or self._agenda) and self.octets_held >= HELD_OCTETS:
            self._paused = True
            self.session.effects.append(Pause(self.side))

    def resume(self) -> None:
        """Go on with what is held: the reply came, or the delay is over."""
        if self.session.closed:
            return
        self.waiting = False
        if self._agenda:
            return
        if self.held:
            data, self.held = self.held, b""
            self._run(data)
        elif self.ended:
            self._finish_when_done()
        self._unpause()

    def _unpause(self) -> None:
        if self._paused and not (self.held and (self.waiting or self._agenda)):
            self._paused = False
            self.session.effects.append(Resume(self.side))

    # --- things to do later ------------------------------------------------------------------------------------

    @property
    def due(self) -> float | None:
        """When the next delayed thing is due, in seconds of the session's clock."""
        return self._agenda[0][0] if self._agenda else None

    @property
    def delayed(self) -> bool:
        """Whether anything waits for its time."""
        return bool(self._agenda)

    def later(self, due: float, action: Callable[[], None], octets: int = 0) -> None:
        """Do ``action``, which holds so many ``octets``, at ``due``; nothing else in this direction moves till then."""
        if self._agenda:
            due = max(due, self._agenda[-1][0])
        self._agenda.append((due, action, octets))
        self._heed_limit()

    @property
    def octets_held(self) -> int:
        """Octets that wait in this direction."""
        agenda = self._agenda
        return len(self.held) + (sum(octets for _, _, octets in agenda) if agenda else 0)

    def emit(self, data: bytes, piece: int = 0, pause: float = 0.0) -> None:
        """Send towards the peer, whole or in pieces of ``piece`` octets, ``pause`` seconds apart, behind what waits."""
        piece = piece or len(data)
        if self._agenda:
            due = self.session.now + pause
            self.later(due, partial(self._send_piece, data, 0, piece, pause), len(data))
        else:
            self._send_piece(data, 0, piece, pause)

    def _send_piece(self, data: bytes, start: int, piece: int, pause: float) -> None:
        """Send one piece; the next one goes to the head of the agenda, so that nothing comes in between."""
        end = start + piece
        self.session.send(self.peer, data[start:end] if start or end < len(data) else data)
        self._half = end < len(data)
        if self._half:
            following = partial(self._send_piece, data, end, piece, pause)
            self._agenda.appendleft((self.session.now + pause, following, len(data) - end))
            self._heed_limit()

    def finish_piece(self) -> None:
        """Send now what is left of something whose first piece is out: nothing else may come in between."""
        while self._half:
            self._agenda.popleft()[1]()

    def advance(self, now: float) -> None:
        """Do the next thing that is due, one a call, so that slices leave in writes of their own; then read on."""
        if not self._agenda or self._agenda[0][0] > now:
            return
        _, action, _ = self._agenda.popleft()
        self.session.since = now  # what a rule held back is no time that a peer has lost
        action()
        if not self._agenda and not self.waiting:
            self.resume()

    # --- ends --------------------------------------------------------------------------------------------------

    def eof(self) -> None:
        """``side`` has said all it had to say."""
        self.ended = True
        self._finish_when_done()

    def _finish_when_done(self) -> None:
        if not (self.finished or self._agenda or (self.waiting and self.held) or self.session.closed):
            self.finish()

    def finish(self) -> None:
        """Pass the end on."""
        raise NotImplementedError

    def _send_finish(self) -> None:
        self.finished = True
        self.session.effects.append(Finish(self.peer))

    def swallow(self) -> None:
        """Read on and forget."""
        self.held = b""
        self.waiting = False
        self._agenda.clear()
        self._half = False
        self._read = Flow._read_nothing
        self._unpause()

    def release(self) -> None:
        """What is held goes out as it came; whatever comes later too."""
        while self._agenda:
            self._agenda.popleft()[1]()
        self.waiting = False
        self._read = Flow._read_opaque
        if self.held:
            self.session.send(self.peer, self.held)
            self.held = b""
        self._unpause()
        if self.ended and not self.finished and not self._running:
            self._send_finish()

    def turn_round(self) -> bytes:
        """Read the other side from here on; gives back what was held of this one."""
        held, self.held = self.held, b""
        self.waiting = False
        self._unpause()
        self.side, self.peer = self.peer, self.side
        return held

    def _read_nothing(self, data: bytes, position: int) -> int:
        return len(data)

    def _read_opaque(self, data: bytes, position: int) -> int:
        self.session.since = self.session.now
        self.session.send(self.peer, data[position:] if position else data)
        return len(data)
