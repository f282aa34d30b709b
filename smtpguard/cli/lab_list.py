"""`smtpguard lab list`: the scenarios that ship, and what each should come to."""

from __future__ import annotations

import json

import typer

from smtpguard.cli.formats import Format, FormatOption
from smtpguard.cli.lab_options import lab_errors
from smtpguard.lab.scenario.file import load_scenario, scenario_names
from smtpguard.lab.scenario.model import Scenario


def list_scenarios(form: FormatOption = Format.TEXT) -> None:
    """The scenarios: name, firewall, expected outcome, title, source.

    Each name is one for `smtpguard lab run`, such as: smtpguard lab run row-05-blob-eaten
    """
    with lab_errors():
        scenarios = [load_scenario(name) for name in scenario_names()]
    if form is Format.JSON:
        typer.echo(json.dumps([_as_dict(scenario) for scenario in scenarios], indent=2))
        return
    widths = [max(len(cells[place]) for cells in map(_cells, scenarios)) for place in range(3)]
    for scenario in scenarios:
        padded = (f"{cell:{width}}" for cell, width in zip(_cells(scenario), widths, strict=True))
        typer.echo("  ".join([*padded, scenario.title]))
        if scenario.source:
            typer.echo(f"{'':{widths[0]}}  source: {scenario.source}")


def _cells(scenario: Scenario) -> tuple[str, str, str]:
    ending = scenario.expected(scenario.firewall)
    return scenario.name, scenario.firewall, "" if ending is None else ending.outcome


def _as_dict(scenario: Scenario) -> dict[str, object]:
    ending = scenario.expected(scenario.firewall)
    return {
        "name": scenario.name,
        "title": scenario.title,
        "source": scenario.source,
        "row": scenario.row,
        "firewall": scenario.firewall,
        "expected": None if ending is None else ending.outcome,
        "about": scenario.about,
    }
