"""What the lab's commands have in common: options, the message, and how errors of the lab become one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from smtpguard.cli.errors import UsageError
from smtpguard.lab.errors import LabError
from smtpguard.lab.message import read_message, sample

EXIT_UNEXPECTED = 1

Eml = Annotated[Path | None, typer.Option(help="The message to send, CRLF line ends; a sample when left out.")]


@contextmanager
def lab_errors() -> Iterator[None]:
    """What the lab can't use ends as one line and exit status 2."""
    try:
        yield
    except LabError as error:
        raise UsageError(str(error)) from None


def message_of(eml: Path | None) -> bytes:
    """The user's message, or the sample."""
    return sample() if eml is None else read_message(eml)
