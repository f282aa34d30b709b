"""`smtpguard lab`: run a scenario between an Exchange-like sender and receiver, or watch the story of KB818222."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from smtpguard.cli.errors import UsageError
from smtpguard.lab.errors import LabError
from smtpguard.lab.message import read_message, sample
from smtpguard.lab.progress import SimulatedDays
from smtpguard.lab.report import tell
from smtpguard.lab.run import run_scenario
from smtpguard.lab.scenario import load_scenario
from smtpguard.lab.story import tell_story

EXIT_UNEXPECTED = 1

app = typer.Typer(help="Send mail through a firewall and watch what becomes of it.", rich_markup_mode=None)


class Format(StrEnum):
    """How a run is reported."""

    TEXT = "text"
    JSON = "json"


Eml = Annotated[Path | None, typer.Option(help="The message to send, CRLF line ends; a sample when left out.")]


@app.callback(invoke_without_command=True)
def _top(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def run(
    scenario: Annotated[str, typer.Argument(help="The scenario: kb818222.")],
    eml: Eml = None,
    firewall: Annotated[
        str | None, typer.Option(help="A policy's name or file, or none; the scenario's own when left out.")
    ] = None,
    report: Annotated[Format, typer.Option("--format", help="How to report it.")] = Format.TEXT,
) -> None:
    """Run one scenario. Exit status: 0 it ended as the scenario expects, 1 it did not, 2 bad input."""
    try:
        chosen = load_scenario(scenario)
        message = sample() if eml is None else read_message(eml)
        policy = chosen.firewall if firewall is None else firewall
        if report is Format.JSON:
            result = run_scenario(chosen, policy, message)
            typer.echo(result.as_json())
        else:
            console = Console(highlight=False)
            with SimulatedDays(console, chosen.schedule.expiry) as days:
                result = run_scenario(chosen, policy, message, days.watch)
            tell(console, result)
    except LabError as error:
        raise UsageError(str(error)) from None
    if not result.as_expected:
        raise typer.Exit(EXIT_UNEXPECTED)


@app.command()
def story(eml: Eml = None) -> None:
    """KB818222 in three acts: delivered, stalled and bounced, cured."""
    try:
        message = sample() if eml is None else read_message(eml)
        as_told = tell_story(Console(highlight=False), message)
    except LabError as error:
        raise UsageError(str(error)) from None
    if not as_told:
        raise typer.Exit(EXIT_UNEXPECTED)
