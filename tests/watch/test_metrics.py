"""Figures: each record in its series, and nothing a peer says in a label."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from smtpguard.inspection.meter import REPLY_BUCKETS
from smtpguard.smtp.verbs import VERBS, count_by_verb
from smtpguard.watch.metrics import Metrics


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[f"smtpguard_{name}", tuple(sorted(labels.items()))]


def test_a_session_and_a_message() -> None:
    metrics = Metrics()
    metrics.record("message", {"accepted": True, "seconds": 0.3})
    metrics.record("message", {"accepted": False, "seconds": 0.01})
    metrics.record("session", {"octets_from_client": 1000, "octets_from_server": 200, "duration": 2.0})
    assert value(metrics, "sessions_total") == 1
    assert value(metrics, "messages_total", outcome="accepted") == 1
    assert value(metrics, "messages_total", outcome="refused") == 1
    assert value(metrics, "octets_total", side="client") == 1000
    assert value(metrics, "octets_total", side="server") == 200
    assert value(metrics, "session_seconds_bucket", le="1.0") == 0
    assert value(metrics, "session_seconds_bucket", le="5.0") == 1
    assert value(metrics, "message_seconds_bucket", le="0.2") == 1
    assert value(metrics, "message_seconds_count") == 2


def test_a_decision_by_rule_action_and_mode() -> None:
    metrics = Metrics()
    decision = {"rule": "strip-it", "action": "strip", "where": "keyword", "keyword": "XEXCH50"}
    metrics.record("keyword-stripped", decision)
    metrics.record("keyword-stripped", {**decision, "observed": True})
    metrics.record("keyword-stripped", {**decision, "observed": True, "shadow": "other"})
    for mode in ("enforce", "observe", "shadow"):
        assert value(metrics, "decisions_total", rule="strip-it", action="strip", mode=mode) == 1


def test_what_went_wrong() -> None:
    metrics = Metrics()
    for event, fields in (
        ("violation", {"violation": "bare-lf"}),
        ("stall", {"verb": "XEXCH50", "why": "payload eaten"}),
        ("timeout", {"which": "reply", "seconds": 300.0}),
        ("slow-client", {}),
        ("session-refused", {"limit": "client_sessions"}),
        ("loop-refused", {"reason": "the guard's own port was called"}),
        ("upstream-refused", {}),
        ("rule-crashed", {"rule": "r", "error": "ValueError"}),
        ("reload-failed", {"error": "x"}),
        ("something-new", {"rule": "r"}),
    ):
        metrics.record(event, fields)
    assert value(metrics, "violations_total", violation="bare-lf") == 1
    assert value(metrics, "stalls_total", verb="XEXCH50") == 1
    assert value(metrics, "timeouts_total", waited_for="reply") == 1
    assert value(metrics, "timeouts_total", waited_for="payload-rate") == 1
    assert value(metrics, "refused_total", limit="client_sessions") == 1
    assert value(metrics, "refused_total", limit="loop") == 1
    assert value(metrics, "upstream_failures_total") == 1
    assert value(metrics, "crashes_total", what="rule") == 1
    assert value(metrics, "reloads_total", outcome="failed") == 1
    for lost in (3, 7, 7):
        metrics.stand(sessions=0, held=0, workers=1, lost=lost)
    assert value(metrics, "journal_lines_lost_total") == 7


def test_what_guards_counted_adds_up() -> None:
    metrics = Metrics()
    for _ in range(2):
        verbs = {**count_by_verb(), "EHLO": 3, "": 1}
        replies = [0] * (len(REPLY_BUCKETS) + 1)
        replies[0], replies[-1] = 4, 1
        metrics.add({"verbs": verbs, "replies": replies, "reply_seconds": 400.5})
    assert value(metrics, "commands_total", verb="EHLO") == 6
    assert value(metrics, "commands_total", verb="unknown") == 2
    assert value(metrics, "reply_seconds_bucket", le="0.001") == 8
    assert value(metrics, "reply_seconds_bucket", le="300.0") == 8
    assert value(metrics, "reply_seconds_bucket", le="+Inf") == 10
    assert value(metrics, "reply_seconds_sum") == 801
    assert {labels[0][1] for name, labels in samples(metrics) if name == "smtpguard_commands_total"} == {
        *VERBS,
        "unknown",
    }


def test_the_names_are_those_of_the_exposition() -> None:
    metrics = Metrics()
    metrics.stand(sessions=3, held=10, workers=2)
    metrics.ready(True)
    exposed = {name for name, _ in samples(metrics) if not name.endswith("_created")}
    assert exposed <= metrics.names()
    assert value(metrics, "sessions_open") == 3
    assert value(metrics, "ready") == 1
