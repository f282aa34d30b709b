"""An analysis as JUnit's XML, which every CI server reads: a case a check.

A finding is a failure whose type is its severity, warnings included, as the exit status counts them. What does not
apply or was not tested is skipped. Where nothing could be tested there is one case, and it is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from smtpguard.analyzer.findings import Analysis, Check, Suspect
from smtpguard.analyzer.report import verdict
from smtpguard.analyzer.steps import shown

_CLASS = "smtpguard.analyze"
_MOST_OCTETS = 2000  # of one side of a finding


def as_junit(analysis: Analysis) -> str:
    """One suite for the server that was tested."""
    checks = [analysis.untested] if analysis.untested else list(analysis.checks)
    seconds = sum(step.seconds for steps in analysis.sessions.values() for step in steps)
    counts = {
        "tests": str(len(checks)),
        "failures": str(sum(check.verdict.outcome == "found" and not analysis.untested for check in checks)),
        "errors": "1" if analysis.untested else "0",
        "skipped": str(sum(check.verdict.outcome in ("not-applicable", "not-tested") for check in checks)),
        "time": f"{seconds:.3f}",
    }
    suites = Element("testsuites", {"name": "smtpguard analyze"} | counts)
    suite = SubElement(suites, "testsuite", {"name": analysis.target.place} | counts)
    for check in checks:
        _case(suite, check)
    SubElement(suite, "system-out").text = "\n".join(_told(analysis))
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode")


def _case(suite: Element, check: Check) -> None:
    rule, found = check.rule, check.verdict
    seconds = found.step.seconds if found.step is not None else 0.0
    case = SubElement(suite, "testcase", classname=_CLASS, name=f"{rule.id}: {rule.title}", time=f"{seconds:.3f}")
    if found.outcome == "found":
        kind = "error" if rule.severity == "untested" else "failure"
        SubElement(case, kind, type=rule.severity, message=found.detail).text = "\n".join(_explained(check))
    elif found.outcome != "passed":
        SubElement(case, "skipped", message=found.detail)


def _explained(check: Check) -> Iterator[str]:
    rule = check.rule
    yield check.verdict.detail
    if check.verdict.confidence:
        yield f"how sure: {check.verdict.confidence}"
    if rule.box:
        yield f"in the path: {rule.box}"
    if rule.policies:
        yield f"reproduce with the policy: {', '.join(rule.policies)}"
    for title, octets in (("sent", check.sent), ("came back", check.received)):
        if octets:
            yield from (f"{title}: {shown(line)}" for line in octets[:_MOST_OCTETS].splitlines())
    yield from (f"cause: {text}" for text in check.causes)
    yield from (f"cure: {text}" for text in rule.remedies)
    yield f"see: {rule.source}"


def _told(analysis: Analysis) -> Iterator[str]:
    if analysis.classified is not None:
        yield f"system: {analysis.classified.title} ({'; '.join(analysis.classified.reasons)})"
    yield from map(_suspected, analysis.suspects)
    if analysis.comparison is not None:
        past = analysis.comparison.past.place
        if analysis.comparison.untested:
            yield f"past the box, {past}: {analysis.comparison.untested}"
        yield from (
            f"changed between here and {past}: {one.what}: {one.detail}" for one in analysis.comparison.differences
        )
    if analysis.contradiction:
        yield analysis.contradiction
    yield verdict(analysis)


def _suspected(suspect: Suspect) -> str:
    why, cures = "; ".join(suspect.why), "; ".join(suspect.cures)
    return f"in the path: {suspect.box} ({suspect.confidence}), policy {suspect.policy}: {why}. Cure: {cures}"
