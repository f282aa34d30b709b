"""Traces: a session a trace, a transaction a span, decisions as events; bounded, and without addresses of mail."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from smtpguard.watch import traces as module
from smtpguard.watch.traces import MAX_EVENTS, MAX_MESSAGES, Traces
from tests.relay.hosts import client, guard, ordinary, run, server

MESSAGE = {
    "session": "1", "sender": "alice@example.com", "recipients": ["bob@example.com"], "recipient_count": 1,
    "size": 100, "verb": "DATA", "code": 250, "accepted": True, "seconds": 0.5,
}  # fmt: skip
SESSION = {"session": "1", "client": "192.0.2.1:1", "server": "mx:25", "policy": "pass", "duration": 2.0, "commands": 5}


class Collected:
    """What a collector would get."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.traces = Traces(provider.get_tracer("test"))

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]


def test_a_session_is_a_trace_and_a_transaction_a_span() -> None:
    collected = Collected()
    record = collected.traces.record
    record("message", MESSAGE)
    record("keyword-stripped", {"session": "1", "rule": "strip-it", "action": "strip", "keyword": "XEXCH50"})
    record("message", {**MESSAGE, "accepted": False, "code": 550})
    record("session", {**SESSION, "verdicts": {"strip-it": 1}})
    [session] = collected.spans("smtp session")
    first, second = collected.spans("smtp transaction")
    assert session.parent is None
    assert session.start_time is not None
    assert session.end_time is not None
    assert session.end_time - session.start_time == 2_000_000_000
    for one in (first, second):
        assert one.parent is not None
        assert one.parent.span_id == session.context.span_id
        assert one.context.trace_id == session.context.trace_id
        assert one.start_time is not None
        assert one.end_time is not None
        assert one.end_time - one.start_time == 500_000_000
    assert (first.status.status_code, second.status.status_code) == (StatusCode.UNSET, StatusCode.ERROR)
    assert dict(session.attributes or {})["smtp.policy"] == "pass"
    [event] = session.events
    assert (event.name, dict(event.attributes or {})["smtp.rule"]) == ("keyword-stripped", "strip-it")
    shown = "".join(span.to_json() for span in (session, first, second))
    assert "alice" not in shown
    assert "bob" not in shown


def test_what_went_wrong_marks_the_session() -> None:
    collected = Collected()
    collected.traces.record("stall", {"session": "1", "verb": "XEXCH50", "why": "payload eaten"})
    collected.traces.record("session", SESSION)
    [session] = collected.spans("smtp session")
    assert (session.status.status_code, session.status.description) == (StatusCode.ERROR, "stall")


def test_it_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_SESSIONS", 2)
    collected = Collected()
    for number in range(5):
        for _ in range(MAX_EVENTS + MAX_MESSAGES):
            collected.traces.record("violation", {"session": str(number), "violation": "bare-lf"})
            collected.traces.record("message", {**MESSAGE, "session": str(number)})
    collected.traces.record("listening", {"port": 25})
    for number in range(5):
        collected.traces.record("session", {**SESSION, "session": str(number)})
    assert [len(span.events) for span in collected.spans("smtp session")] == [MAX_EVENTS, MAX_EVENTS, 0, 0, 0]
    assert len(collected.spans("smtp transaction")) == 2 * MAX_MESSAGES


def test_a_session_of_a_guard() -> None:
    collected = Collected()

    async def test() -> None:
        journal = _Traced(collected.traces)
        async with server(ordinary) as upstream, guard(upstream, "strip-xexch50", journal) as box:  # type: ignore[arg-type]
            async with client(box) as (reader, writer):
                writer.write(b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n")
                await reader.readuntil(b"354 go\r\n")
                writer.write(b"hello\r\n.\r\nQUIT\r\n")
                await reader.read()

    run(test())
    [session] = collected.spans("smtp session")
    [transaction] = collected.spans("smtp transaction")
    assert transaction.context.trace_id == session.context.trace_id
    assert "keyword-stripped" in [event.name for event in session.events]


class _Traced:
    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def __call__(self, event: str, fields: dict[str, object]) -> None:
        self._traces.record(event, fields)
