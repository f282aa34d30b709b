"""Every option of smtpguard that deploy/ and the page on interception name is one that it has."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import typer.main

from smtpguard.cli.main import app
from tests.deploy.places import DEPLOY, ROOT, needs, output

FILES = sorted(path for path in (*DEPLOY.rglob("*"), ROOT / "docs" / "interception.md") if path.is_file())
COMMAND = re.compile(
    r"\bsmtpguard ((?:serve|reload|net (?:plan|up|down)|policy (?:list|show|check|diff)|analyze)\b[^`|\n]*)"
)


def options_of(words: list[str]) -> set[str]:
    """The options of the command that these words begin with."""
    command = typer.main.get_command(app)
    while words and (found := getattr(command, "commands", {}).get(words[0])) is not None:
        command = found
        words = words[1:]
    return {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)} | {"--help"}


def named(text: str) -> list[tuple[str, str]]:
    """Each option with the command that it is given to."""
    joined = text.replace("\\\n", " ")
    return [
        (command, option)
        for command in COMMAND.findall(joined)
        for option in re.findall(r"(?<!\S)(--[a-z][a-z-]*)", command.partition("#")[0])
    ]


def test_commands_are_found() -> None:
    assert len([pair for path in FILES for pair in named(path.read_text())]) > 15


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_option_exists(path: Path) -> None:
    text = path.read_text()
    for command, option in named(text):
        assert option in options_of(command.split()), f"smtpguard {command}"
    # Manifests give arguments one a line, units take more of them from a variable; both are those of `serve`.
    for option in re.findall(r"(?:^\s+- |SMTPGUARD_OPTIONS=)(--[a-z-]+)", text, re.MULTILINE):
        assert option in options_of(["serve"]), option


def test_the_runbook_asks_the_journal_for_what_it_says(tmp_path: Path) -> None:
    """Its jq lines find the records of observed decisions alone, in a journal that has lines of standard error too."""
    jq = needs("jq")
    filters = re.findall(r"jq -cR '([^']+)'", (DEPLOY / "runbook.md").read_text())
    assert len(filters) == 2
    journal = tmp_path / "journal"
    session: dict[str, object] = {"event": "session", "observed": {"strip-xexch50": 1}}
    decision = {"event": "keyword-stripped", "observed": True}
    tally = {"event": "rule-tally", "decisions": 9}
    lines = ["smtpguard: waiting (2 s)", *(json.dumps(line) for line in (session, decision, tally))]
    journal.write_text("\n".join(lines) + "\n")
    found = [[json.loads(line) for line in output(jq, "-cR", wanted, journal).splitlines()] for wanted in filters]
    assert found == [[decision], [tally]]
