"""The journal: JSON lines, one an event, by structlog with orjson to a binary stream.

One event a decision, one summary a session. Nothing in a record holds an argument of AUTH or a line of its exchange,
so no secret can reach the journal. Records are gathered as they are, then rendered and written together, at the latest
``FLUSH_SECONDS`` after the first of them: rendered one by one between two system calls, each costs several times as
much, and a system call a line more than the inspection of a session. Who stops the guard calls ``close``.
Mail goes before its journal: nothing here waits for whoever reads it, and what can't be written is lost and counted
(``journal.outlet``); without ``on_loss`` it raises OSError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import BinaryIO

import orjson
import structlog

from smtpguard.journal.outlet import OnLoss, Outlet

FLUSH_SECONDS = 0.1
CLOSE_SECONDS = 2.0
"""What a reader has at the end to take what waits."""
FLUSH_RECORDS = 64
"""Records that wait at most: few enough that those of sessions with a hundred long recipients each still fit in
memory, and enough that rendering them together pays."""

Later = Callable[[float, Callable[[], None]], object]

_GRAVE = frozenset(
    (
        "uncertain", "timeout", "slow-client", "session-refused", "uninspected", "upstream-refused", "upstream-second",
        "rule-crashed", "shadow-crashed", "session-crashed", "store-lost", "reload-failed",
        "worker-died", "worker-not-started", "worker-hung", "worker-given-up", "tls-stripped", "few-descriptors",
    )
)  # fmt: skip


class _Lines:
    """Where structlog's lines go: kept here until they are written together."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def msg(self, line: bytes) -> None:
        self._lines.append(line)

    info = warning = msg

    def take(self) -> list[bytes]:
        lines, self._lines = self._lines, []
        return lines


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
        self._due = False  # a flush is to come
        self._outlet = Outlet(stream, on_loss)
        self._lines = _Lines()
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
            self._flush_later()
        records.append((event, fields, datetime.now(UTC)))
        if len(records) >= FLUSH_RECORDS:
            self.flush()

    def pass_on(self, lines: Iterable[bytes]) -> None:
        """Write whole lines that another journal rendered, behind what is gathered here."""
        self.flush()
        for line in lines:
            self._lines.msg(line)
        self._write()

    @property
    def lost(self) -> int:
        """Lines that could not be written, in all."""
        return self._outlet.lost

    def flush(self) -> None:
        """Render what was gathered, and write what can be written."""
        records, self._records = self._records, []
        info, warning = self._logger.info, self._logger.warning
        for event, fields, when in records:
            (warning if event in _GRAVE else info)(event, timestamp=when, **self._common, **fields)
        self._write()

    def close(self) -> None:
        """The last flush; a slow reader has ``CLOSE_SECONDS``."""
        self.flush()
        self._outlet.close(CLOSE_SECONDS)

    def _write(self) -> None:
        self._outlet.write(self._lines.take())
        if self._outlet.waiting:
            self._flush_later()

    def _flush_later(self) -> None:
        if not self._due:
            self._due = True
            self._later(FLUSH_SECONDS, self._flush_now)

    def _flush_now(self) -> None:
        self._due = False
        self.flush()


def _render(_logger: object, level: str, event: MutableMapping[str, object]) -> bytes:
    """Level and JSON at one go: structlog's own processors for it cost as much as half an inspection."""
    event["level"] = level
    return orjson.dumps(event, default=repr, option=orjson.OPT_UTC_Z)
