"""Traces of a guard on their way to a collector: the exporter that OpenTelemetry's own variables configure.

``OTEL_EXPORTER_OTLP_ENDPOINT`` says where it is (http://localhost:4318 unless it says otherwise). It exports in a
thread of its own; what a collector does not take is dropped, and mail goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from smtpguard.service.errors import ServiceError
from smtpguard.watch.traces import Traces

FLUSH_MILLISECONDS = 3_000

Write = Callable[[str, dict[str, object]], None]


def check_traces() -> None:
    """Raises ServiceError where the extra is not installed."""
    try:
        import opentelemetry.exporter.otlp.proto.http.trace_exporter
        import opentelemetry.sdk.trace  # noqa: F401
    except ImportError as error:
        raise ServiceError("--traces needs OpenTelemetry: pip install 'smtpguard[otel]'") from error


@contextmanager
def traced(journal: Write, wanted: bool) -> Iterator[Write]:
    """A journal whose records become traces, too, where that is wanted; what is left is exported at the end."""
    if not wanted:
        yield journal
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: "smtpguard"}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=2)))
    traces = Traces(provider.get_tracer("smtpguard"))

    def both(event: str, fields: dict[str, object]) -> None:
        traces.record(event, fields)
        journal(event, fields)

    try:
        yield both
    finally:
        provider.force_flush(FLUSH_MILLISECONDS)
        provider.shutdown()
