"""`smtpguard lab run`: one scenario, from the first DNS query to the last notification."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from smtpguard.cli.formats import Format, FormatOption
from smtpguard.cli.lab_options import EXIT_UNEXPECTED, Eml, lab_errors, message_of
from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.run import run_scenario
from smtpguard.lab.scenario.file import load_scenario, placed
from smtpguard.lab.telling.out import write_out
from smtpguard.lab.telling.page import write_html
from smtpguard.lab.telling.progress import SimulatedDays
from smtpguard.lab.telling.report import tell


def run(
    scenario: Annotated[str, typer.Argument(help="A scenario's name (`smtpguard lab list`) or a file of your own.")],
    eml: Eml = None,
    firewall: Annotated[
        str | None,
        typer.Option(help="A policy's name (`smtpguard policy list`) or file, or none; else the scenario's own."),
    ] = None,
    form: FormatOption = Format.TEXT,
    eventlog: Annotated[bool, typer.Option("--eventlog", help="Print the event logs as Event Viewer does.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report as one self-contained page.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write mails, transcripts, events and captures into this folder; an earlier run there goes."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed than the scenario's.")] = None,
) -> None:
    """Run one scenario: sender, firewall and receiver on loopback, days of simulated time in a second.

    Prints the conversation, the fifteen steps of KB818222, the queue, the event logs and the NDR.

    Examples:

      smtpguard lab run kb818222

      smtpguard lab run kb818222 --firewall strip-xexch50

      smtpguard lab run sbs-504-noise --eventlog --html page.html --out kept

      smtpguard lab run mine.yaml --eml mail.eml --format json

    Exit status: 0 it ended as the scenario expects, 1 it did not, 2 bad input.
    """
    with lab_errors():
        chosen = load_scenario(scenario)
        if seed is not None:
            chosen = chosen.model_copy(update={"seed": seed})
        policy = chosen.firewall if firewall is None else placed(firewall, Path())
        capture = Capture() if html is not None or out is not None else None
        with SimulatedDays(chosen.schedule.expiry) as days:
            result = run_scenario(chosen, policy, message_of(eml), days.watch, capture)
        if capture is not None and html is not None:
            write_html(result, html, capture)
        if capture is not None and out is not None:
            write_out(result, out, capture)
        if form is Format.JSON:
            typer.echo(result.as_json())
        else:
            tell(Console(highlight=False), result, whole_eventlog=eventlog)
    if not result.as_expected:
        raise typer.Exit(EXIT_UNEXPECTED)
