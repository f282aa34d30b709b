"""An analysis as JSON, and the schema that it keeps (``analysis.schema.json``).

The keys are described in ``docs/analyzer.md`` and stay as they are within one ``version``.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson

from smtpguard.analyzer.findings import Acceptance, Analysis, Check, Comparison, Suspect
from smtpguard.analyzer.lookup import Route
from smtpguard.analyzer.steps import Step

VERSION = 1


def as_json(analysis: Analysis) -> str:
    """The whole analysis, indented. Octets are text in which each character is one octet (Latin-1)."""
    return orjson.dumps(as_document(analysis), option=orjson.OPT_INDENT_2).decode("utf-8")


def schema() -> str:
    """The published JSON Schema of ``as_json``."""
    return (files("smtpguard.analyzer") / "analysis.schema.json").read_text(encoding="utf-8")


def as_document(analysis: Analysis) -> dict[str, Any]:
    """The same as plain values."""
    target = analysis.target
    return {
        "version": VERSION,
        "target": {
            "host": target.host,
            "port": target.port,
            "address": target.address or None,
            "sender": target.sender,
            "recipient": target.recipient,
            "message": target.message,
        },
        "route": None if analysis.route is None else _route(analysis.route),
        "exit_status": analysis.exit_status,
        "system": _system(analysis),
        "ehlo": _ehlo(analysis),
        "acceptance": None if analysis.acceptance is None else _acceptance(analysis.acceptance),
        "contradiction": analysis.contradiction or None,
        "findings": [_finding(check) for check in analysis.findings],
        "suspects": [_suspect(suspect) for suspect in analysis.suspects],
        "comparison": None if analysis.comparison is None else _comparison(analysis.comparison),
        "checks": [
            {"rule": check.rule.id, "outcome": check.verdict.outcome, "detail": check.verdict.detail}
            for check in analysis.checks
        ],
        "sessions": [
            {"title": title, "steps": [_step(step) for step in steps]} for title, steps in analysis.sessions.items()
        ],
    }


def _route(route: Route) -> dict[str, Any]:
    return {
        "name": route.name,
        "by": route.by,
        "exchangers": [
            {
                "host": one.host,
                "preference": one.preference,
                "addresses": one.addresses,
                "problem": one.problem or None,
            }
            for one in route.exchangers
        ],
        "tested": route.tested or None,
    }


def _system(analysis: Analysis) -> dict[str, Any] | None:
    found = analysis.classified
    if found is None:
        return None
    return {
        "id": found.system.id,
        "title": found.system.title,
        "about": found.system.about or None,
        "name": found.name or None,
        "reasons": found.reasons,
    }


def _ehlo(analysis: Analysis) -> dict[str, Any] | None:
    ehlo = analysis.ehlo
    if ehlo is None:
        return None
    return {"given": ehlo.given, "keywords": ehlo.texts, "masked": ehlo.masked, "malformed": ehlo.malformed}


def _acceptance(acceptance: Acceptance) -> dict[str, Any]:
    return {
        "without_data": acceptance.without_data,
        "with_data": acceptance.with_data,
        "steps": [
            {"step": step.name, "wants": step.wants, "passed": step.passed, "answer": step.answer}
            for step in acceptance.steps
        ],
    }


def _finding(check: Check) -> dict[str, Any]:
    rule, step = check.rule, check.verdict.step
    return {
        "rule": rule.id,
        "title": rule.title,
        "origin": rule.origin,
        "severity": rule.severity,
        "detail": check.verdict.detail,
        "confidence": check.verdict.confidence or None,
        "box": rule.box or None,
        "policies": rule.policies,
        "step": step.name if step else None,
        "sent": _text(check.sent) if step else None,
        "received": _text(check.received) if step else None,
        "causes": check.causes,
        "remedies": rule.remedies,
        "source": rule.source,
    }


def _suspect(suspect: Suspect) -> dict[str, Any]:
    return {
        "policy": suspect.policy,
        "same": suspect.same,
        "box": suspect.box,
        "confidence": suspect.confidence,
        "why": suspect.why,
        "cures": suspect.cures,
        "source": suspect.source,
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    return {
        "host": comparison.past.host,
        "port": comparison.past.port,
        "untested": comparison.untested or None,
        "differences": [
            {
                "what": one.what,
                "detail": one.detail,
                "sent": _text(one.sent),
                "past": _text(one.past),
                "through": _text(one.through),
            }
            for one in comparison.differences
        ],
    }


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.name,
        "sent": _text(step.sent),
        "received": _text(step.received),
        "unasked": _text(step.unasked),
        "code": step.code or None,
        "failure": step.failure or None,
        "seconds": round(step.seconds, 3),
    }


def _text(octets: bytes) -> str:
    return octets.decode("latin-1")
