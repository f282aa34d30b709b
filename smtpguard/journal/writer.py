"""The journal: JSON lines, one an event, by structlog with orjson to a binary stream.

One event a decision, one summary a session. Nothing in a record holds an argument of AUTH or a line of its exchange,
so no secret can reach the journal. Lines are gathered and written together, at the latest ``FLUSH_SECONDS`` after the
first of them: a system call a line costs more than the inspection of a session. Who stops the guard calls ``flush``.
What can't be written (a full disk, a closed pipe) raises OSError; with ``on_loss`` it is dropped instead, the first
loss is reported there, and a line ``journal-lost`` counts them once writing works again: mail goes before its journal.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from typing import BinaryIO

import orjson
import structlog

FLUSH_SECONDS = 0.1
FLUSH_OCTETS = 65_536

Later = Callable[[float, Callable[[], None]], object]
OnLoss = Callable[[OSError], None]

_GRAVE = frozenset(("uncertain", "timeout", "rule-crashed", "shadow-crashed", "upstream-refused", "session-refused"))


class _Lines:
    """Where structlog's lines go: gathered here until ``flush``. ``later`` runs a function after so many seconds."""

    def __init__(self, stream: BinaryIO, later: Later, on_loss: OnLoss | None) -> None:
        self._stream = stream
        self._later = later
        self._on_loss = on_loss
        self._lost = 0
        self._lines: list[bytes] = []
        self._octets = 0

    def msg(self, line: bytes) -> None:
        if not self._lines:
            self._later(FLUSH_SECONDS, self.flush)
        self._lines.append(line)
        self._octets += len(line)
        if self._octets >= FLUSH_OCTETS:
            self.flush()

    info = warning = msg

    def flush(self) -> None:
        lines, self._lines, self._octets = self._lines, [], 0
        if not lines:
            return
        if self._lost:
            lines.insert(0, orjson.dumps({"event": "journal-lost", "lines": self._lost, "level": "warning"}))
        try:
            self._write(b"\n".join(lines) + b"\n")
        except OSError as error:
            if self._on_loss is None:
                raise
            if not self._lost:
                self._on_loss(error)
            self._lost += len(lines) - bool(self._lost)
        else:
            self._lost = 0

    def _write(self, octets: bytes) -> None:
        """All of them; an unbuffered stream may take them piece by piece."""
        view = memoryview(octets)
        while view:
            view = view[self._stream.write(view) or 0 :]
        self._stream.flush()


class Journal:
    """Takes each record as (event, fields), as the guard gives them."""

    def __init__(self, stream: BinaryIO, later: Later, on_loss: OnLoss | None = None) -> None:
        self._lines = _Lines(stream, later, on_loss)
        self._logger = structlog.wrap_logger(
            self._lines,
            processors=[_render],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            cache_logger_on_first_use=True,
        ).bind()

    def __call__(self, event: str, fields: dict[str, object]) -> None:
        """Write one record down."""
        (self._logger.warning if event in _GRAVE else self._logger.info)(event, **fields)

    def flush(self) -> None:
        """Write out what was gathered."""
        self._lines.flush()


def _render(_logger: object, level: str, event: MutableMapping[str, object]) -> bytes:
    """Level, time and JSON at one go: structlog's three processors for it cost as much as half an inspection."""
    event["level"] = level
    event["timestamp"] = datetime.now(UTC)
    return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z)
