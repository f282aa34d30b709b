"""``smtpguard reload``: have a running guard read its policy and settings anew, and say what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from smtpguard.progress import LongWork
from smtpguard.service.pid_file import DONE, ask_to_reload

SECONDS = 30.0
"""How long the guard may take: a policy of some thousand rules takes a few."""


def reload(
    pid_file: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="The one that the guard was started with: `smtpguard serve --pid-file FILE`."
        ),
    ],
) -> None:
    """Have a running guard read its policy and settings anew.

    Example: smtpguard reload --pid-file /run/smtpguard.pid

    Sessions in flight end under the policy that they began with. Where a file has a mistake, what was in force stays in
    force, the mistake is named on stderr, and the exit status is 1. SIGHUP does the same and answers in the journal.
    """
    with LongWork("waiting for the guard to have read its files"):
        outcome = ask_to_reload(pid_file, SECONDS)
    if outcome != DONE:
        typer.echo(f"smtpguard: not reloaded: {outcome}", err=True)
        raise typer.Exit(1)
    typer.echo("reloaded")
