"""The path doctor before every receiver of the lab, bare and behind every persona: what it finds, and whom it names.

``make golden`` writes what it sees: the table of findings beside this file, and the confusion matrix in ``docs/``. The
tests hold both to what is seen then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from smtpguard.analyzer.findings import Analysis
from smtpguard.analyzer.fingerprints import fingerprints
from smtpguard.analyzer.steps import Step
from smtpguard.lab import documents
from smtpguard.policy.positions import read_yaml
from tests.analyzer.analyzing import of_profile

TABLE = Path(__file__).parent / "golden" / "doctor.yaml"
PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"
RECEIVERS = documents.names("profiles")
BARE = "bare"

Wire = tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class Round:
    """``findings``: ids, errors first. ``suspects``: policies, the likeliest first. ``wire``: all that was seen."""

    status: int
    findings: tuple[str, ...]
    suspects: tuple[str, ...]
    wire: Wire = ()


def personas() -> list[str]:
    """Every persona that has a fingerprint, and those that nobody can tell from one."""
    return sorted(name for one in fingerprints() for name in (one.policy, *one.same))


@cache
def round_of(receiver: str, persona: str) -> Round:
    """One round; ``persona`` may be ``bare``."""
    analysis = of_profile(receiver, None if persona == BARE else persona).analysis
    return Round(
        analysis.exit_status,
        tuple(check.rule.id for check in analysis.findings),
        tuple(suspect.policy for suspect in analysis.suspects),
        _wire(analysis),
    )


def rounds_of(receiver: str) -> dict[str, Round]:
    """Every round before one receiver."""
    return {persona: round_of(receiver, persona) for persona in (BARE, *personas())}


def _wire(analysis: Analysis) -> Wire:
    """What was seen, without what changes from one run to the next: dates, numbers and names. EHLO has none of them."""
    return tuple(
        (title, step.name, step.failure, step.received[:3], step.received if "EHLO" in step.name else _steady(step))
        for title, steps in analysis.sessions.items()
        for step in steps
    )


def _steady(step: Step) -> bytes:
    return re.sub(rb"\S*\d\S*", b"#", step.received[4:])


def outcome(rounds: dict[str, Round], persona: str) -> str:
    """How a persona fared before one receiver.

    ``named``; ``same``: so was one that nobody can tell from it, by its fingerprint or because this receiver gives
    them the same wire; ``traceless``: the wire is that of the bare receiver; ``unnamed``; or the other persona's name.
    """
    seen = rounds[persona]
    if seen.wire == rounds[BARE].wire:
        return "traceless" if not seen.suspects else seen.suspects[0]
    if not seen.suspects:
        return "unnamed"
    first = seen.suspects[0]
    if first == persona:
        return "named"
    same = next(one.same for one in fingerprints() if one.policy == first)
    return "same" if persona in same or rounds[first].wire == seen.wire else first


def table_text(all_rounds: dict[str, dict[str, Round]]) -> str:
    """The table of findings, as its file has it."""
    lines = [
        "# Made by `make golden`: what the path doctor finds before each receiver, bare and behind each persona.\n"
    ]
    for receiver, rounds in all_rounds.items():
        outcomes = {persona: outcome(rounds, persona) for persona in rounds}
        lines.append(f"{receiver}:\n")
        for persona, seen in rounds.items():
            lines.append(f'  "{persona}":\n')
            lines.append(f"    status: {seen.status}\n")
            lines.append(f"    findings: [{', '.join(seen.findings)}]\n")
            suspects = ", ".join(f'"{name}"' for name in seen.suspects)
            lines.append(f"    suspects: [{suspects}]\n")
            lines.append(f'    outcome: "{outcomes[persona]}"\n')
    return "".join(lines)


@cache
def table() -> dict[str, dict[str, dict[str, object]]]:
    """The table of findings as it was kept: receiver, persona, and what the file says of the two."""
    return read_yaml(TABLE.read_text(encoding="utf-8"), TABLE.name).value  # type: ignore[return-value]


def named_as(entry: dict[str, object], persona: str) -> str:
    """The column of the confusion matrix: the persona that was named, ``-`` for none, "" where there was no trace."""
    kept = str(entry["outcome"])
    if kept in ("named", "same"):
        return persona
    return {"traceless": "", "unnamed": "-"}.get(kept, kept)
