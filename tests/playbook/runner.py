"""The shell of a test: feeds one Inspector as the relay would, and keeps what came out, step by step.

It honours Pause and Resume (octets of a paused side wait here), keeps every deadline when time goes by, and refuses
effects that no shell could carry out: a Send behind a Close, a Send behind a Finish to the same side. Those, and any
exception of the Inspector, end the run and stand in the outcome as a traceback.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from smtpguard.inspection.effects import (
    Close,
    Effect,
    Finish,
    Pause,
    Record,
    Reset,
    Resume,
    Send,
    StartTls,
    Tunnel,
)
from smtpguard.smtp.sides import CLIENT, SERVER, Side
from tests.playbook.slicing import Slicing
from tests.playbook.steps import Advance, Drain, Eof, Feed, Input, Lost, TlsFailed, TlsUp

TOO_MANY_TIMERS = 100_000  # in one step; the finest slicing of one read needs 65,536


class Inspects(Protocol):
    """What the shell asks of an Inspector; the tests of the playbook itself use a tiny one."""

    @property
    def deadline(self) -> float | None: ...
    @property
    def held(self) -> int: ...
    @property
    def closed(self) -> bool: ...

    def start(self, now: float | None = None) -> list[Effect]: ...
    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]: ...
    def eof(self, side: Side, now: float | None = None) -> list[Effect]: ...
    def lost(self, side: Side, now: float | None = None) -> list[Effect]: ...
    def advance(self, now: float) -> list[Effect]: ...
    def tls_started(self, side: Side, now: float | None = None) -> list[Effect]: ...
    def tls_failed(self, side: Side, why: str, now: float | None = None, *, in_clear: bool = False) -> list[Effect]: ...
    def drain(self, now: float | None = None) -> list[Effect]: ...


class ImpossibleEffectError(AssertionError):
    """The Inspector asked for something that no shell could do."""


@dataclass(slots=True)
class Outcome:
    """What one step brought: merged octets a side, records and marks in order."""

    sent: dict[Side, bytearray] = field(default_factory=lambda: {CLIENT: bytearray(), SERVER: bytearray()})
    records: list[Record] = field(default_factory=list)
    marks: list[str] = field(default_factory=list)
    paused: frozenset[Side] = frozenset()
    error: str = ""

    def comparable(self) -> tuple[bytes, bytes, list[Record], list[str], str]:
        """Everything that must not depend on slicing."""
        return bytes(self.sent[CLIENT]), bytes(self.sent[SERVER]), self.records, self.marks, self.error


_EOF = object()


class Shell:
    """One session: an Inspector, a queue for each side, and a clock."""

    def __init__(self, inspector: Inspects, slicing: Slicing) -> None:
        self.inspector = inspector
        self.now = 1000.0
        self.most_held = 0
        self._slicing = slicing
        self._waiting: dict[Side, deque[object]] = {CLIENT: deque(), SERVER: deque()}
        self._paused: set[Side] = set()
        self._finished: set[Side] = set()
        self._ended = False
        self._outcome = Outcome()

    def start(self) -> Outcome:
        """The connection is accepted."""
        return self._guarded(lambda: self._carry_out(self.inspector.start(self.now)))

    def step(self, what: Input) -> Outcome:
        """Carry out one step and everything that follows from it."""
        return self._guarded(lambda: self._do(what))

    def _guarded(self, work: Callable[[], None]) -> Outcome:
        self._outcome = outcome = Outcome()
        if not self._ended:
            try:
                work()
                self._pump()
            except Exception:
                outcome.error = traceback.format_exc()
                self._ended = True
        outcome.paused = frozenset(self._paused)
        return outcome

    def _do(self, what: Input) -> None:
        match what:
            case Feed(side, data):
                for piece in self._slicing(data):
                    self._waiting[side].append(piece)
                    self._pump()
            case Eof(side):
                self._waiting[side].append(_EOF)
            case Lost(side):
                self._waiting[side].clear()
                self._carry_out(self.inspector.lost(side, self.now))
            case Advance(seconds):
                self._advance(self.now + seconds)
            case TlsUp(side):
                self._carry_out(self.inspector.tls_started(side, self.now))
            case TlsFailed(side, in_clear):
                self._carry_out(self.inspector.tls_failed(side, "of the test", self.now, in_clear=in_clear))
            case Drain():
                self._carry_out(self.inspector.drain(self.now))

    def _pump(self) -> None:
        """Feed what waits, as long as somebody is read."""
        moved = True
        while moved:
            moved = False
            for side, queue in self._waiting.items():
                while queue and side not in self._paused and not self._ended:
                    moved = True
                    item = queue.popleft()
                    if isinstance(item, bytes):
                        self._carry_out(self.inspector.receive(side, item, self.now))
                    else:
                        self._carry_out(self.inspector.eof(side, self.now))
                    self._keep_deadlines(self.now)

    def _keep_deadlines(self, until: float) -> bool:
        """Call for everything that is due; whether anything was."""
        for count in range(TOO_MANY_TIMERS):
            due = self.inspector.deadline
            if self._ended or due is None or due > until:
                return count > 0
            self.now = max(self.now, due)
            self._carry_out(self.inspector.advance(self.now))
        raise ImpossibleEffectError(f"{TOO_MANY_TIMERS} timers in one step: the deadline does not move on")

    def _advance(self, until: float) -> None:
        while self._keep_deadlines(until):
            self._pump()
        self.now = until
        if not self._ended:
            self._carry_out(self.inspector.advance(until))

    def _carry_out(self, effects: Sequence[Effect]) -> None:
        outcome = self._outcome
        for effect in effects:
            if isinstance(effect, Record):
                outcome.records.append(effect)
                continue
            if self._ended:
                raise ImpossibleEffectError(f"{effect!r} behind the end of the session")
            match effect:
                case Send(side, data):
                    if side in self._finished:
                        raise ImpossibleEffectError(f"{effect!r} behind a Finish to the same side")
                    outcome.sent[side] += data
                case Pause(side):
                    self._paused.add(side)
                case Resume(side):
                    self._paused.discard(side)
                case Finish(side):
                    self._finished.add(side)
                    outcome.marks.append(f"finished {side.value}")
                case StartTls(side):
                    outcome.marks.append(f"starting tls {side.value}")
                case Tunnel():
                    outcome.marks.append("tunnelled")
                case Close() | Reset():
                    outcome.marks.append("closed" if isinstance(effect, Close) else "reset")
                    self._ended = True
                    if not self.inspector.closed:
                        raise ImpossibleEffectError("the session ended, and the Inspector denies it")
        self.most_held = max(self.most_held, self.inspector.held)
