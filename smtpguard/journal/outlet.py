"""Where rendered lines go: a file, a pipe, a terminal. Whoever writes here never waits for a reader.

A pipe or socket gets so much at once as it can surely take, and the rest when it is written to again: up to
``WAITING_OCTETS`` wait, what comes then is lost. So is what can't be written at all: the disk is full, or the reader
gone. The first loss is told to ``on_loss``, and a line ``journal-lost`` counts them in the place of the lines that are
missing, as soon as there is room. Without ``on_loss`` what can't be written raises OSError.
"""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple

import orjson

WAITING_OCTETS = 8_388_608
"""Octets that wait for a reader: some twenty thousand sessions."""
PIECE_OCTETS = select.PIPE_BUF
"""What a pipe takes without a wait where it takes any octet (POSIX, write())."""

OnLoss = Callable[[OSError], None]


class _Lines(NamedTuple):
    """Lines that wait, the first of which may be half out; ``noted``: they are one that counts so many lost ones."""

    octets: memoryview
    noted: int

    @property
    def missing(self) -> int:
        """How many lines are missing without them. The line end in front of them is that of another one."""
        octets = bytes(self.octets)
        return self.noted or octets.count(b"\n") - octets.startswith(b"\n")


class Outlet:
    """One unbuffered ``stream`` of which this is the only writer."""

    def __init__(self, stream: BinaryIO, on_loss: OnLoss | None) -> None:
        self._stream = stream
        self._on_loss = on_loss
        self._readiness = _readiness(stream)
        self._waiting: deque[_Lines] = deque()
        self._octets = 0
        self._missing = 0  # lines that no ``journal-lost`` counts yet
        self._midline = False  # the stream ends in half a line
        self.lost = 0
        """Lines that could not be written, in all."""

    @property
    def waiting(self) -> bool:
        """Whether some octets wait for a reader."""
        return bool(self._waiting)

    def write(self, lines: Sequence[bytes]) -> None:
        """Put whole lines, without their ends, behind those that wait, and write what can be written now."""
        if lines and self._octets > WAITING_OCTETS:
            self._lose(len(lines), _nobody_reads())
        elif lines:
            if self._missing:
                self._put(_notice(self._missing), self._missing)
                self._missing = 0
            self._put(b"\n".join(lines) + b"\n")
        self.drain()

    def drain(self, patience: float = 0.0) -> None:
        """Write what waits; where the reader is slow, what he takes within ``patience`` seconds."""
        until = time.monotonic() + patience if patience else 0.0
        try:
            while self._waiting and self._takes_more(until) and self._write_piece():
                pass
        except OSError as error:
            self._give_up(error)
            if self._on_loss is None:
                raise

    def close(self, patience: float) -> None:
        """Nothing more comes: what nobody reads within ``patience`` seconds is lost."""
        self.drain(patience)
        if self._waiting:
            self._give_up(_nobody_reads())

    # --- inside ------------------------------------------------------------------------------------------------

    def _put(self, octets: bytes, noted: int = 0) -> None:
        if self._midline and not self._waiting:
            octets = b"\n" + octets
        self._waiting.append(_Lines(memoryview(octets), noted))
        self._octets += len(octets)

    def _takes_more(self, until: float) -> bool:
        if self._readiness is None:
            return True
        patience = max(0.0, until - time.monotonic()) if until else 0.0
        return bool(self._readiness.poll(patience * 1000))

    def _write_piece(self) -> bool:
        """Whether any octet went out; none does where somebody has set the stream not to wait, and it is full."""
        lines = self._waiting[0]
        piece = lines.octets if self._readiness is None else lines.octets[:PIECE_OCTETS]
        written = self._stream.write(piece) or 0
        if written:
            self._midline = piece[written - 1] != ord("\n")
            self._octets -= written
            if written < len(lines.octets):
                self._waiting[0] = lines._replace(octets=lines.octets[written:])
            else:
                self._waiting.popleft()
        return written > 0

    def _give_up(self, error: OSError) -> None:
        """What waits is lost."""
        waiting = tuple(self._waiting)
        self._waiting.clear()
        self._octets = 0
        for lines in waiting:
            if lines.noted:
                self._missing += lines.noted  # lost before, and counted then
            else:
                self._lose(lines.missing, error)

    def _lose(self, lines: int, error: OSError) -> None:
        if not self._missing and self._on_loss is not None:
            self._on_loss(error)
        self._missing += lines
        self.lost += lines


def _nobody_reads() -> OSError:
    return OSError(errno.EAGAIN, "nobody reads it")


def _notice(lines: int) -> bytes:
    fields = {"event": "journal-lost", "timestamp": datetime.now(UTC), "lines": lines, "level": "warning"}
    return orjson.dumps(fields, option=orjson.OPT_UTC_Z) + b"\n"


def _readiness(stream: BinaryIO) -> select.poll | None:
    """What says whether a stream takes more; None for one that is never slow for want of a reader."""
    try:
        descriptor = stream.fileno()
    except OSError:
        return None  # in memory
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return None
    readiness = select.poll()
    readiness.register(descriptor, select.POLLOUT)
    return readiness
