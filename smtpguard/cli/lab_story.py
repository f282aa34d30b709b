"""`smtpguard lab story`: KB818222 in three acts."""

from __future__ import annotations

import shutil
import sys

import typer
from rich.console import Console

from smtpguard.cli.lab_options import EXIT_UNEXPECTED, Eml, lab_errors, message_of
from smtpguard.lab.telling.story import tell_story


def story(eml: Eml = None) -> None:
    """KB818222 in three acts: delivered, stalled and bounced, cured.

    Example: smtpguard lab story --eml mail.eml
    """
    with lab_errors():
        as_told = tell_story(Console(highlight=False), message_of(eml), _program())
    if not as_told:
        raise typer.Exit(EXIT_UNEXPECTED)


def _program() -> str:
    """How to call it again: `make lab` runs one that is on nobody's PATH."""
    return "smtpguard" if shutil.which("smtpguard") else sys.argv[0]
