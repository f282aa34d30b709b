"""The tables of docs/protection.md, made from the cases. ``python -m tests.protection.page`` writes them anew."""

from __future__ import annotations

from pathlib import Path

from tests.protection.cases import CASES, Case, Client

PAGE = Path(__file__).parents[2] / "docs" / "protection.md"
HEADS = "| case | what comes | what the client sees | records | then |\n|---|---|---|---|---|"
SECTIONS = {"harden": "## What `harden` decides", "harden-strict": "## What `harden-strict` decides otherwise"}


def seen(case: Case) -> str:
    """The guard's own words among what the client sees, each once."""
    own: dict[str, None] = {}
    shorter = False
    for step in case.steps:
        given = set() if isinstance(step, Client) else {*step.octets.decode().splitlines()}
        lines = step.sees.decode().splitlines()
        own |= dict.fromkeys(line for line in lines if line not in given)
        shorter |= bool(given - {*lines})
    if own:
        return ", ".join(f"`{line}`" for line in own)
    return "the server's list, that line missing" if shorter else "what the server says"


def row(case: Case) -> str:
    """One line of a table."""
    records = ", ".join(f"`{event}` {name}".rstrip() for event, name in case.records)
    peer = " (from inside)" if case.peer == "internal" else ""
    normalised = " (`harden:normalise`)" if case.policies == ("harden:normalise",) else ""
    then = "the session goes on" if case.goes_on else "the session ends"
    return f"| {case.ref} | {case.what}{peer}{normalised} | {seen(case)} | {records} | {then} |"


def table(policy: str) -> list[str]:
    """The rows of a policy: of ``harden-strict`` only those that it decides in its own way."""
    own = [case for case in CASES if (case.policies == ("harden-strict",)) is (policy == "harden-strict")]
    return [*HEADS.splitlines(), *(row(case) for case in own)]


def tables_of(page: str) -> dict[str, list[str]]:
    """The tables as the page has them."""
    found: dict[str, list[str]] = {}
    for policy, head in SECTIONS.items():
        section = page.split(head + "\n", 1)[1].split("\n## ", 1)[0]
        found[policy] = [line for line in section.splitlines() if line.startswith("|")]
    return found


def write() -> None:
    """Put the tables in the place of those of the page."""
    lines: list[str] = []
    heads = {head: policy for policy, head in SECTIONS.items()}
    policy = ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            policy = heads.get(line, "")
        if not (policy and line.startswith("|")):
            lines.append(line)
        elif lines[-1] == "":
            lines += table(policy)
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
