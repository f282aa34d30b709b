"""An analysis as text for an administrator. No octet of a server's reaches the terminal as a control code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from smtpguard.analyzer.findings import Acceptance, Analysis, Check, Comparison, Suspect
from smtpguard.analyzer.lookup import Exchanger
from smtpguard.analyzer.steps import Step, named, shown

_STYLES = {"error": "bold red", "warning": "bold yellow", "untested": "bold magenta"}
SEVERITIES = {"error": "ERROR", "warning": "WARNING", "untested": "COULD NOT TEST"}
_PASSED = {True: Text("passed", "green"), False: Text("FAILED", "bold red"), None: Text("not reached", "dim")}
OUTCOMES = {"passed": "passed", "not-applicable": "does not apply", "not-tested": "not tested"}
_LONGEST = 8  # lines of one reply in a finding; an EHLO list is printed once, above


def tell(console: Console, analysis: Analysis) -> None:
    """Print the whole report."""
    _head(console, analysis)
    if analysis.acceptance is not None:
        _acceptance(console, analysis.acceptance)
    if analysis.contradiction:
        console.print()
        console.print(Padding(Text(analysis.contradiction, "bold"), (0, 2)))
    told: list[Step] = []
    for suspect in analysis.suspects:
        _suspect(console, suspect)
    for check in analysis.findings:
        _finding(console, check, told)
    if analysis.comparison is not None:
        _comparison(console, analysis.comparison)
    _rest(console, analysis)
    console.print()
    console.print(Text(verdict(analysis), "bold"))


def verdict(analysis: Analysis) -> str:
    """The last line: how it ended and with which exit status."""
    status = f"(exit status {analysis.exit_status})"
    if analysis.untested is not None:
        return f"Could not test {analysis.target.place} {status}"
    errors = sum(check.rule.severity == "error" for check in analysis.findings)
    warnings = len(analysis.findings) - errors
    if not analysis.findings:
        return f"Nothing found {status}"
    return f"{_count(errors, 'error')}, {_count(warnings, 'warning')} {status}"


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"


def _head(console: Console, analysis: Analysis) -> None:
    found = analysis.classified
    console.print(Text.assemble((analysis.target.place, "bold"), ": ", found.title if found else "no answer"))
    grid = _grid()
    if analysis.route is not None and analysis.route.by == "mx":
        exchangers = "; ".join(exchanger(one) for one in analysis.route.exchangers)
        grid.add_row("MX", Text(f"of {analysis.route.name}: {exchangers or 'none'}"))
    if found is not None:
        grid.add_row("told by", Text("; ".join(found.reasons)))
        if found.system.about:
            grid.add_row("means", Text(found.system.about))
    for title, steps in analysis.sessions.items():
        banner = named(steps, "banner")
        if title == next(iter(analysis.sessions)) and banner is not None and banner.received:
            grid.add_row("banner", Text(banner.last_line))
    if analysis.ehlo is not None and analysis.ehlo.texts:
        grid.add_row("EHLO", Text(", ".join(analysis.ehlo.texts)))
    console.print(Padding(grid, (0, 2)))


def exchanger(one: Exchanger) -> str:
    """An MX with its addresses."""
    return f"{one.title} ({', '.join(one.addresses) or 'no address'})"


def _acceptance(console: Console, acceptance: Acceptance) -> None:
    console.print()
    console.print(Text("Mail acceptance test", "bold"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("step", "wanted", "", "answer"):
        table.add_column(title, overflow="fold")
    for step in acceptance.steps:
        table.add_row(step.name, Text(step.wants), _PASSED[step.passed], Text(step.answer))
    console.print(Padding(table, (0, 2)))
    editions = [f"edition without DATA: {edition(acceptance.without_data)}"]
    editions.append(f"edition with DATA: {edition(acceptance.with_data)}")
    console.print(Padding(Text("; ".join(editions)), (0, 2)))


def edition(passed: bool | None) -> str:
    """How one edition of the acceptance test ended."""
    return "not tried" if passed is None else "passed" if passed else "failed"


def _finding(console: Console, check: Check, told: list[Step]) -> None:
    """One finding; the octets of a step that is in ``told`` stand above already."""
    rule = check.rule
    own = "" if rule.origin == "microsoft" or rule.severity == "untested" else "  (a rule of smtpguard's own)"
    console.print()
    console.print(Text.assemble((SEVERITIES[rule.severity], _STYLES[rule.severity]), "  ", (rule.title, "bold"), own))
    grid = _grid()
    grid.add_row("found", Text(check.verdict.detail))
    for label, words in (("how sure", check.verdict.confidence), ("in the path", rule.box)):
        if words:
            grid.add_row(label, Text(words))
    if rule.policies:
        grid.add_row(
            "reproduce", Text(" or ".join(f"smtpguard lab up --firewall {policy}" for policy in rule.policies))
        )
    step = check.verdict.step
    if step is not None and step in told:
        grid.add_row("came back", Text(f"the reply to {step.name} above" if step.sent else f"the {step.name} above"))
    elif step is not None:
        _evidence(grid, step)
        told.append(step)
    _texts(grid, "cause", check.causes)
    _texts(grid, "cure", rule.remedies)
    grid.add_row("see", Text(rule.source))
    console.print(Padding(grid, (0, 2)))


def _suspect(console: Console, suspect: Suspect) -> None:
    console.print()
    console.print(Text.assemble(("IN THE PATH", "bold yellow"), "  ", (suspect.box, "bold")))
    grid = _grid()
    grid.add_row("how sure", Text(suspect.confidence))
    alike = f", and from outside the same: {', '.join(suspect.same)}" if suspect.same else ""
    grid.add_row("persona", Text(f"{suspect.policy}{alike}"))
    _texts(grid, "why", suspect.why)
    _texts(grid, "cure", suspect.cures)
    grid.add_row("see", Text(suspect.source))
    console.print(Padding(grid, (0, 2)))


def _comparison(console: Console, comparison: Comparison) -> None:
    console.print()
    console.print(Text(f"Through the box and past it ({comparison.past.place})", "bold"))
    grid = _grid()
    if comparison.untested:
        grid.add_row("not tested", Text(comparison.untested))
    elif not comparison.differences:
        grid.add_row("same", Text("what the server says comes through as it is"))
    for one in comparison.differences:
        grid.add_row("changed", Text(f"{one.what}: {one.detail}"))
        for label, octets in (("sent", one.sent), ("past it", one.past), ("through", one.through)):
            if octets or label != "sent":
                grid.add_row(label, Text("\n".join(_lines(octets)) or "nothing"))
    console.print(Padding(grid, (0, 2)))


def _texts(grid: Table, label: str, texts: Sequence[str]) -> None:
    for number, text in enumerate(texts):
        grid.add_row(label if not number else "", Text(f"- {text}" if len(texts) > 1 else text))


def _evidence(grid: Table, step: Step) -> None:
    if step.sent:
        grid.add_row("sent", Text("\n".join(_lines(step.sent))))
    if step.received:
        grid.add_row("came back", Text("\n".join(_lines(step.received))))
    elif step.sent:
        grid.add_row("came back", Text("nothing"))


def _lines(octets: bytes) -> Iterator[str]:
    lines = octets.splitlines()
    yield from (shown(line, 120) for line in lines[:_LONGEST])
    if len(lines) > _LONGEST:
        yield f"... ({len(lines) - _LONGEST} more lines)"


def others(analysis: Analysis) -> tuple[list[Check], list[Check]]:
    """The checks that found nothing: those to be told one by one, and signs of a box that were looked for in vain."""
    rest = [check for check in analysis.checks if check.verdict.outcome != "found"]
    signs = [check for check in rest if check.rule.trigger == "probe" and check.verdict.outcome == "passed"]
    return [check for check in rest if check not in signs], signs


def _rest(console: Console, analysis: Analysis) -> None:
    told, signs = others(analysis)
    if not told and not signs:
        return
    console.print()
    console.print(Text("Other checks", "bold"))
    grid = _grid()
    for check in told:
        words = OUTCOMES[check.verdict.outcome]
        grid.add_row(words, Text(f"{check.rule.title}: {check.verdict.detail}"))
    if signs:
        grid.add_row("passed", Text(f"{_count(len(signs), 'other sign')} of a box in the path: not seen"))
    console.print(Padding(grid, (0, 2)))


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid
