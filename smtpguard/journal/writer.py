"""The journal: JSON lines, one an event, by structlog with orjson to a binary stream.

One event a decision, one summary a session. Nothing in a record holds an argument of AUTH or a line of its exchange,
so no secret can reach the journal. Records are gathered as they are, then rendered and written together, at the latest
``FLUSH_SECONDS`` after the first of them: rendered one by one between two system calls, each costs several times as
much, and a system call a line more than the inspection of a session. Who stops the guard calls ``flush``.
What can't be written (a full disk, a closed pipe) raises OSError; with ``on_loss`` it is dropped instead, the first
loss is reported there, and a line ``journal-lost`` counts them once writing works again: mail goes before its journal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import BinaryIO

import orjson
import structlog

FLUSH_SECONDS = 0.1
FLUSH_RECORDS = 64
"""Records that wait at most: few enough that those of sessions with a hundred long recipients each still fit in
memory, and enough that rendering them together pays."""

Later = Callable[[float, Callable[[], None]], object]
OnLoss = Callable[[OSError], None]

_GRAVE = frozenset(
    (
        "uncertain", "timeout", "slow-client", "session-refused", "uninspected", "upstream-refused", "upstream-second",
        "rule-crashed", "shadow-crashed", "session-crashed", "store-lost", "reload-failed",
        "worker-died", "worker-not-started", "worker-hung", "worker-given-up",
    )
)  # fmt: skip


class _Lines:
    """Where structlog's lines go: kept here until they are written together."""

    def __init__(self, stream: BinaryIO, on_loss: OnLoss | None) -> None:
        self._stream = stream
        self._on_loss = on_loss
        self._lost = 0
        self.lost = 0  # in all
        self._lines: list[bytes] = []

    def msg(self, line: bytes) -> None:
        self._lines.append(line)

    info = warning = msg

    def write(self) -> None:
        lines, self._lines = self._lines, []
        if self._lost:
            lines.insert(0, orjson.dumps({"event": "journal-lost", "lines": self._lost, "level": "warning"}))
        try:
            self._write(b"\n".join(lines) + b"\n")
        except OSError as error:
            if self._on_loss is None:
                raise
            if not self._lost:
                self._on_loss(error)
            more = len(lines) - bool(self._lost)
            self._lost += more
            self.lost += more
        else:
            self._lost = 0

    def _write(self, octets: bytes) -> None:
        """All of them; an unbuffered stream may take them piece by piece."""
        view = memoryview(octets)
        while view:
            view = view[self._stream.write(view) or 0 :]
        self._stream.flush()


class Journal:
    """Takes each record as (event, fields), as the guard gives them; the fields are the journal's from then on.

    ``later`` runs a function after so many seconds. ``common`` stands in every record.
    """

    def __init__(
        self,
        stream: BinaryIO,
        later: Later,
        on_loss: OnLoss | None = None,
        common: Mapping[str, object] | None = None,
    ) -> None:
        self._later = later
        self._common = dict(common or {})
        self._records: list[tuple[str, dict[str, object], datetime]] = []
        self._lines = _Lines(stream, on_loss)
        self._logger = structlog.wrap_logger(
            self._lines,
            processors=[_render],
            wrapper_class=structlog.make_filtering_bound_logger(0),
            cache_logger_on_first_use=True,
        ).bind()

    def __call__(self, event: str, fields: dict[str, object]) -> None:
        """Write one record down."""
        records = self._records
        if not records:
            self._later(FLUSH_SECONDS, self.flush)
        records.append((event, fields, datetime.now(UTC)))
        if len(records) >= FLUSH_RECORDS:
            self.flush()

    def pass_on(self, lines: Iterable[bytes]) -> None:
        """Write whole lines that another journal rendered, behind what is gathered here."""
        self.flush()
        for line in lines:
            self._lines.msg(line)
        self._lines.write()

    @property
    def lost(self) -> int:
        """Lines that could not be written, in all."""
        return self._lines.lost

    def flush(self) -> None:
        """Render and write what was gathered."""
        records, self._records = self._records, []
        if not records:
            return
        info, warning = self._logger.info, self._logger.warning
        for event, fields, when in records:
            (warning if event in _GRAVE else info)(event, timestamp=when, **self._common, **fields)
        self._lines.write()


def _render(_logger: object, level: str, event: MutableMapping[str, object]) -> bytes:
    """Level and JSON at one go: structlog's own processors for it cost as much as half an inspection."""
    event["level"] = level
    return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z)
