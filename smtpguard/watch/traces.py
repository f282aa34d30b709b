"""Traces for OpenTelemetry, from the journal's records: a session is a trace, a transaction a span below it.

    traces = Traces(tracer)
    traces.record("message", {...})       # each record, as the journal gets it

Spans are made when a session ends, with the times that its records came at. What rules decided and what went wrong are
events of the session's span. No address of a sender or a recipient leaves in a trace. At most ``MAX_EVENTS`` events and
``MAX_MESSAGES`` transactions are kept for a session, and sessions past ``MAX_SESSIONS`` leave none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

MAX_EVENTS = 100
MAX_MESSAGES = 100
MAX_SESSIONS = 10_000

Fields = Mapping[str, object]
Value = str | int | float | bool

_OF_A_MESSAGE = ("verb", "code", "accepted", "size", "recipient_count")
_BAD = frozenset(
    ("stall", "timeout", "uncertain", "rule-crashed", "session-crashed", "upstream-refused", "slow-client")
)


@dataclass(slots=True)
class _Open:
    """A session that goes on."""

    events: list[tuple[str, int, dict[str, Value]]] = field(default_factory=list)
    messages: list[tuple[int, float, dict[str, Value]]] = field(default_factory=list)
    bad: str = ""


class Traces:
    """Makes the spans; ``tracer`` exports them."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._open: dict[str, _Open] = {}

    def record(self, event: str, fields: Fields) -> None:
        """One record of the journal."""
        identity = fields.get("session")
        if not isinstance(identity, str):
            return
        now = time.time_ns()
        if event == "session":
            self._finish(self._open.pop(identity, _Open()), fields, now)
            return
        session = self._open.get(identity)
        if session is None:
            if len(self._open) >= MAX_SESSIONS:
                return
            session = self._open[identity] = _Open()
        if event == "message":
            if len(session.messages) < MAX_MESSAGES:
                seconds = fields.get("seconds")
                some = {f"smtp.{name}": value for name, value in _plain(fields).items() if name in _OF_A_MESSAGE}
                session.messages.append((now, float(seconds) if isinstance(seconds, int | float) else 0.0, some))
            return
        if event in _BAD:
            session.bad = event
        if len(session.events) < MAX_EVENTS:
            some = {f"smtp.{name}": value for name, value in _plain(fields).items() if name != "session"}
            session.events.append((event, now, some))

    def _finish(self, session: _Open, fields: Fields, now: int) -> None:
        from opentelemetry.context import Context
        from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

        duration = fields.get("duration")
        began = now - int(float(duration) * 1e9) if isinstance(duration, int | float) else now
        attributes = {f"smtp.{name}": value for name, value in _plain(fields).items()}
        span = self._tracer.start_span(
            "smtp session", context=Context(), kind=SpanKind.SERVER, attributes=attributes, start_time=began
        )
        below = set_span_in_context(span, Context())
        for ended, seconds, some in session.messages:
            start = max(began, ended - int(seconds * 1e9))
            child = self._tracer.start_span("smtp transaction", context=below, attributes=some, start_time=start)
            if not some.get("smtp.accepted"):
                child.set_status(Status(StatusCode.ERROR, "refused"))
            child.end(max(start, ended))
        for event, when, some in session.events:
            span.add_event(event, some, when)
        if session.bad:
            span.set_status(Status(StatusCode.ERROR, session.bad))
        span.end(now)


def _plain(fields: Fields) -> dict[str, Value]:
    """What an attribute may be; the others are counted elsewhere."""
    return {name: value for name, value in fields.items() if isinstance(value, str | int | float | bool)}
