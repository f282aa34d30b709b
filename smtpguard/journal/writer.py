"""The journal: JSON lines, one an event, by structlog with orjson straight to a binary stream.

One event a decision, one summary a session. Nothing in a record holds an argument of AUTH or a line of its exchange,
so no secret can reach the journal. What can't be written (a full disk, a closed pipe) raises OSError to the caller.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

import orjson
import structlog

_GRAVE = frozenset(("uncertain", "timeout", "rule-crashed", "upstream-refused", "session-refused"))


def journal_to(stream: BinaryIO) -> Callable[[str, dict[str, object]], None]:
    """A journal that writes to ``stream``: a function of an event's name and its fields."""
    logger = structlog.wrap_logger(
        structlog.BytesLogger(stream),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        cache_logger_on_first_use=True,
    ).bind()

    def write(event: str, fields: dict[str, object]) -> None:
        (logger.warning if event in _GRAVE else logger.info)(event, **fields)

    return write


def _dumps(event: dict[str, object], **_: object) -> bytes:
    return orjson.dumps(event, default=repr)
