"""An analysis as one page: self-contained, no script, every octet of a server's escaped.

The ladder of each session in which something was found stands under the first of its findings, with a box at each step
that one is about.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from html import escape

from smtpguard.analyzer.findings import Acceptance, Analysis, Check, Comparison, Suspect
from smtpguard.analyzer.ladder import session_ladder
from smtpguard.analyzer.report import OUTCOMES, SEVERITIES, edition, exchanger, others, verdict
from smtpguard.analyzer.steps import Step, named, shown
from smtpguard.pages import ladder_drawing
from smtpguard.pages.markup import facts, folded, section, table, tag, words
from smtpguard.pages.page import page

_SIGNS = {True: ("ok", "✓"), False: ("failed", "✗"), None: ("unreached", "·")}
_MOST_OCTETS = 4096  # of one reply or payload on the page
_NOTE_FITS = 88  # characters in a line of a box on a ladder
_NOTE_LINES = 3


def as_html(analysis: Analysis) -> str:
    """The page."""
    drawn: list[str] = []
    findings = "".join(_finding(analysis, check, drawn) for check in analysis.findings)
    body = [
        _head(analysis),
        section("Mail acceptance test", _acceptance(analysis.acceptance)),
        section("Which box stands in the path", "".join(map(_suspect, analysis.suspects))),
        section("Findings", findings),
        section("Through the box and past it", _comparison(analysis.comparison)),
        section("Other checks", _rest(analysis)),
        section("What was said", _transcripts(analysis)),
        words("footer", "Made by smtpguard analyze."),
    ]
    found = analysis.classified
    return page(f"{analysis.target.place}: {found.title if found else 'could not be tested'}", "".join(body))


def _head(analysis: Analysis) -> str:
    target, found, route = analysis.target, analysis.classified, analysis.route
    banner = named(next(iter(analysis.sessions.values()), ()), "banner")
    pairs = [
        ("MX", "; ".join(map(exchanger, route.exchangers)) if route and route.by == "mx" else ""),
        ("Address", target.address if target.address != target.host else ""),
        ("Told by", "; ".join(found.reasons) if found else ""),
        ("Means", found.system.about if found else ""),
        ("Banner", banner.last_line if banner else ""),
        ("Keywords", ", ".join(analysis.ehlo.texts) if analysis.ehlo else ""),
        ("From", target.sender),
        ("To", target.recipient + ("" if target.message else " (no message was to be sent)")),
    ]
    title = f"{target.place}: {found.title if found else 'no answer'}"
    return words("h1", title) + _verdict(analysis) + facts(pairs)


def _verdict(analysis: Analysis) -> str:
    kind = {0: "good", 1: "warn"}.get(analysis.exit_status, "bad")
    both = words("p", analysis.contradiction) if analysis.contradiction else ""
    return tag("div", words("strong", verdict(analysis)) + both, f"verdict {kind}")


def _acceptance(acceptance: Acceptance | None) -> str:
    if acceptance is None:
        return ""
    rows = []
    for step in acceptance.steps:
        kind, sign = _SIGNS[step.passed]
        rows.append([words("span", sign, f"sign {kind}"), *map(escape, (step.name, step.wants, step.answer))])
    told = f"Edition without DATA: {edition(acceptance.without_data)}; with DATA: {edition(acceptance.with_data)}."
    return table(("", "Step", "Wanted", "Answer"), rows) + words("p", told, "note")


def _finding(analysis: Analysis, check: Check, drawn: list[str]) -> str:
    rule, verdict_, step = check.rule, check.verdict, check.verdict.step
    own = "" if rule.origin == "microsoft" or rule.severity == "untested" else " (a rule of smtpguard's own)"
    pairs = [
        ("Found", verdict_.detail),
        ("How sure", verdict_.confidence),
        ("In the path", rule.box),
        ("Reproduce with", _reproduce(rule.policies)),
    ]
    parts = [
        tag("h3", words("span", SEVERITIES[rule.severity], f"badge {rule.severity}") + escape(f" {rule.title}{own}")),
        facts(pairs),
        _list("Cause", check.causes),
        _list("Cure", rule.remedies),
        words("p", f"See {rule.source}.", "note"),
    ]
    if step is not None:
        parts.append(_conversation(analysis, check, step, drawn))
    return tag("div", "".join(parts), f"finding {rule.severity}")


def _reproduce(policies: Sequence[str]) -> str:
    return ", ".join(f"smtpguard lab up --firewall {policy}" for policy in policies)


def _list(title: str, texts: Sequence[str]) -> str:
    if not texts:
        return ""
    return words("h4", title) + tag("ul", "".join(words("li", text) for text in texts))


def _conversation(analysis: Analysis, check: Check, step: Step, drawn: list[str]) -> str:
    title, steps = _session_of(analysis, step)
    octets = _octets("Sent", check.sent) + _octets("Came back", check.received)
    shown_octets = folded(f"The octets of {step.name}", octets) if octets else ""
    if all(one.name == "lookup" for one in steps):
        return shown_octets
    if title in drawn:
        return words("p", f"See {step.name} in the conversation above ({title}).", "note") + shown_octets
    drawn.append(title)
    noted = [
        (found.verdict.step, [found.rule.title, *_fitting(found.verdict.detail)])
        for found in analysis.findings
        if found.verdict.step is not None
    ]
    picture = ladder_drawing.draw(session_ladder(steps, noted), "smtpguard analyze", "", analysis.target.place)
    return words("p", f"{title[:1].upper()}{title[1:]}:", "note") + tag("figure", picture) + shown_octets


def _session_of(analysis: Analysis, step: Step) -> tuple[str, tuple[Step, ...]]:
    """The session that ``step`` is part of, by identity: two sessions may hold the same step twice."""
    own = ((title, steps) for title, steps in analysis.sessions.items() if any(one is step for one in steps))
    return next(own, ("", ()))


def _fitting(text: str) -> list[str]:
    return textwrap.wrap(text, _NOTE_FITS, max_lines=_NOTE_LINES, placeholder=" …")


def _octets(title: str, octets: bytes) -> str:
    return words("h4", title) + words("pre", "\n".join(_lines(octets))) if octets else ""


def _lines(octets: bytes) -> Iterator[str]:
    yield from (shown(line, 1000) for line in octets[:_MOST_OCTETS].splitlines())
    if len(octets) > _MOST_OCTETS:
        yield f"… ({len(octets)} octets)"


def _suspect(suspect: Suspect) -> str:
    alike = (
        f"{suspect.policy}, and from outside the same: {', '.join(suspect.same)}" if suspect.same else suspect.policy
    )
    pairs = [("How sure", suspect.confidence), ("Persona", alike), ("Source", suspect.source)]
    return tag(
        "div",
        words("h3", suspect.box) + facts(pairs) + _list("Why", suspect.why) + _list("Cure", suspect.cures),
        "finding suspect",
    )


def _comparison(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    intro = words("p", f"Past the box: {comparison.past.place}.")
    if comparison.untested:
        return intro + words("p", f"It could not be looked at: {comparison.untested}")
    if not comparison.differences:
        return intro + words("p", "Nothing differs: what the server says comes through as it is.")
    rows = [
        [words("strong", one.what) + words("p", one.detail), *map(_cell, (one.sent, one.past, one.through))]
        for one in comparison.differences
    ]
    return intro + tag("div", table(("What changes", "Sent", "Past the box", "Through it"), rows), "compared")


def _cell(octets: bytes) -> str:
    return tag("code", "<br>".join(map(escape, _lines(octets)))) if octets else words("span", "nothing", "faint")


def _rest(analysis: Analysis) -> str:
    told, signs = others(analysis)
    looked_for = folded(f"{len(signs)} other signs of a box in the path: not seen", _checks(signs)) if signs else ""
    return (_checks(told) if told else "") + looked_for


def _checks(checks: Sequence[Check]) -> str:
    rows = [
        list(map(escape, (OUTCOMES[check.verdict.outcome], check.rule.title, check.verdict.detail))) for check in checks
    ]
    return table(("Outcome", "Check", "Why"), rows)


def _transcripts(analysis: Analysis) -> str:
    return "".join(
        folded(f"{title}, {sum(step.seconds for step in steps):.1f} s", tag("pre", _transcript(steps), "transcript"))
        for title, steps in analysis.sessions.items()
    )


def _transcript(steps: Sequence[Step]) -> str:
    lines: list[str] = []
    for step in steps:
        lines += [words("span", f"<-- {line} (nobody had asked)", "what") for line in _lines(step.unasked)]
        lines += [words("span", f"--> {line}", "out") for line in _lines(step.sent)]
        lines += [words("span", f"<-- {line}", "in") for line in _lines(step.received)]
        if step.failure or not step.received:
            lines.append(words("span", f"--- {step.name}: {step.outcome}", "what"))
    return "\n".join(lines)
