"""Figures for Prometheus, counted from the journal's records and from what the guard counts as it goes.

    metrics = Metrics()
    metrics.record("message", {...})      # each record, as the journal gets it
    metrics.add({"verbs": {...}, ...})    # what a guard counted since the last time (``inspection.meter``)
    metrics.text()                        # the exposition, for GET /metrics

A session's octets are counted when it ends, like everything in its summary. All label values come from tables of ours
or from the policy; none is a peer's word, so nobody outside decides how many series there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version

import orjson
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from smtpguard.inspection.meter import REPLY_BUCKETS

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series beside each counter that says when the guard started

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
_SESSION_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)

Fields = Mapping[str, object]


class _ReplyTimes(Collector):
    """The histogram of replies, whose buckets the guard fills by itself."""

    def __init__(self) -> None:
        self.counts = [0] * (len(REPLY_BUCKETS) + 1)
        self.seconds = 0.0

    def add(self, counts: list[int], seconds: float) -> None:
        self.counts = [had + more for had, more in zip(self.counts, counts, strict=True)]
        self.seconds += seconds

    def collect(self) -> Iterator[Metric]:
        total = 0
        buckets: list[tuple[str, float]] = []
        for bound, count in zip((*map(str, REPLY_BUCKETS), "+Inf"), self.counts, strict=True):
            total += count
            buckets.append((bound, total))
        family = HistogramMetricFamily("smtpguard_reply_seconds", "From a command, or the reply before, to its reply")
        family.add_metric([], buckets, self.seconds)
        yield family


class Metrics:
    """All figures of one guard, or of all its workers together."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self._lost = 0

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"smtpguard_{name}", help_text, labels, registry=registry)

        def gauge(name: str, help_text: str, *labels: str) -> Gauge:
            return Gauge(f"smtpguard_{name}", help_text, labels, registry=registry)

        def histogram(name: str, help_text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"smtpguard_{name}", help_text, buckets=buckets, registry=registry)

        self._sessions = counter("sessions", "Sessions that have ended")
        self._messages = counter("messages", "Messages, by the server's word on them", "outcome")
        self._commands = counter("commands", "Commands of clients, by verb", "verb")
        self._decisions = counter("decisions", "What rules decided, or would have", "rule", "action", "mode")
        self._violations = counter("violations", "Violations of the protocol", "violation")
        self._uncertain = counter("uncertain", "Sessions in which the guard could not know what was meant", "then")
        self._stalls = counter("stalls", "Sessions that stand still behind octets that were eaten", "verb")
        self._timeouts = counter("timeouts", "Sessions ended because a peer kept them waiting", "waited_for")
        self._octets = counter("octets", "Octets of ended sessions, by the side that sent them", "side")
        self._refused = counter("refused", "Sessions that were not begun, by the limit that was met", "limit")
        self._upstream = counter("upstream_failures", "Connections to the upstream that failed")
        self._second = counter("fallbacks", "Sessions that went to the second upstream")
        self._uninspected = counter("uninspected", "Sessions passed unseen because the guard had too much to do")
        self._crashes = counter("crashes", "Rules, shadows and sessions that raised an exception", "what")
        self._reloads = counter("reloads", "Reloads of policy and settings", "outcome")
        self._deaths = counter("worker_deaths", "Workers that died, or hung and were ended")
        self._store = counter("store_failures", "Times that the store of shared counters did not answer")
        self._journal_lost = counter("journal_lines_lost", "Lines that could not be written")
        self._open = gauge("sessions_open", "Sessions open now")
        self._held = gauge("octets_held", "Octets held back or waiting to be written now")
        self._workers = gauge("workers", "Workers that run")
        self._ready = gauge("ready", "1 while new mail is welcome: not stopping, and the upstream answers")
        self._session_seconds = histogram("session_seconds", "How long sessions lasted", _SESSION_BUCKETS)
        self._message_seconds = histogram("message_seconds", "From MAIL's reply to the message's", REPLY_BUCKETS)
        self._replies = _ReplyTimes()
        registry.register(self._replies)
        gauge("info", "The version", "version").labels(version("smtpguard")).set(1)
        for outcome in ("accepted", "refused"):
            self._messages.labels(outcome)
        for outcome in ("done", "failed"):
            self._reloads.labels(outcome)
        self._by_event: dict[str, Callable[[Fields], None]] = {
            "session": self._session,
            "message": self._message,
            "violation": lambda fields: self._violations.labels(fields["violation"]).inc(),
            "uncertain": lambda fields: self._uncertain.labels(fields["then"]).inc(),
            "stall": lambda fields: self._stalls.labels(fields["verb"] or "none").inc(),
            "timeout": lambda fields: self._timeouts.labels(fields["which"]).inc(),
            "slow-client": lambda fields: self._timeouts.labels("payload-rate").inc(),
            "session-refused": lambda fields: self._refused.labels(fields["limit"]).inc(),
            "loop-refused": lambda fields: self._refused.labels("loop").inc(),
            "upstream-refused": lambda fields: self._upstream.inc(),
            "upstream-second": lambda fields: self._second.inc(),
            "uninspected": lambda fields: self._uninspected.inc(),
            "rule-crashed": lambda fields: self._crashes.labels("rule").inc(),
            "shadow-crashed": lambda fields: self._crashes.labels("shadow").inc(),
            "session-crashed": lambda fields: self._crashes.labels("session").inc(),
            "reloaded": lambda fields: self._reloads.labels("done").inc(),
            "reload-failed": lambda fields: self._reloads.labels("failed").inc(),
            "worker-died": lambda fields: self._deaths.inc(),
            "store-lost": lambda fields: self._store.inc(),
        }

    def record(self, event: str, fields: Fields) -> None:
        """One record of the journal."""
        count = self._by_event.get(event)
        if count is not None:
            count(fields)
        elif "rule" in fields and "action" in fields:
            mode = "shadow" if "shadow" in fields else "observe" if "observed" in fields else "enforce"
            self._decisions.labels(fields["rule"], fields["action"], mode).inc()

    def record_lines(self, lines: Iterable[bytes]) -> None:
        """Records as a journal has written them."""
        for line in lines:
            fields = orjson.loads(line)
            self.record(fields["event"], fields)

    def add(self, counted: Fields) -> None:
        """What a guard counted since the last time, as ``inspection.meter`` gives it."""
        verbs = counted.get("verbs")
        if isinstance(verbs, Mapping):
            for verb, count in verbs.items():
                self._commands.labels(verb or "unknown").inc(count)
        replies = counted.get("replies")
        if isinstance(replies, list):
            self._replies.add(replies, _number(counted.get("reply_seconds")))

    def stand(self, *, sessions: int, held: int, workers: int, lost: int = 0) -> None:
        """What is so now; ``lost``: lines of the journal that could not be written, in all."""
        self._journal_lost.inc(lost - self._lost)
        self._lost = lost
        self._open.set(sessions)
        self._held.set(held)
        self._workers.set(workers)

    def ready(self, is_ready: bool) -> None:
        """Whether new mail is welcome now."""
        self._ready.set(is_ready)

    def text(self) -> bytes:
        """The exposition in Prometheus' text format."""
        return generate_latest(self._registry)

    def names(self) -> set[str]:
        """Every name that a query may use, with ``_total``, ``_bucket``, ``_sum`` and ``_count``."""
        names: set[str] = set()
        for family in self._registry.collect():
            suffixes = _SUFFIXES.get(family.type, ("",))
            names.update(family.name + suffix for suffix in suffixes)
        return names

    def labels(self) -> dict[str, tuple[str, ...]]:
        """The labels of each of these names."""
        found: dict[str, tuple[str, ...]] = {}
        for figure in vars(self).values():
            if isinstance(figure, Counter | Gauge | Histogram):
                for family in figure.describe():
                    suffixes = _SUFFIXES.get(family.type, ("",))
                    found |= {family.name + suffix: figure._labelnames for suffix in suffixes}
        return {**dict.fromkeys(self.names(), ()), **found}

    # --- records that count more than one thing ------------------------------------------------------------------

    def _session(self, fields: Fields) -> None:
        self._sessions.inc()
        self._session_seconds.observe(_number(fields.get("duration")))
        for side in ("client", "server"):
            self._octets.labels(side).inc(_number(fields.get(f"octets_from_{side}")))

    def _message(self, fields: Fields) -> None:
        self._messages.labels("accepted" if fields["accepted"] else "refused").inc()
        self._message_seconds.observe(_number(fields.get("seconds")))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
