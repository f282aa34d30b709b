"""`smtpguard lab matrix`: sender settings, firewall policies and receivers, every combination, and the twelve rows."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from smtpguard.cli.errors import UsageError
from smtpguard.cli.lab_options import EXIT_UNEXPECTED, lab_errors
from smtpguard.lab.matrix import axes as matrix_axes
from smtpguard.lab.matrix.formats import as_json, as_junit
from smtpguard.lab.matrix.page import as_html
from smtpguard.lab.matrix.running import Matrix, run_matrix
from smtpguard.lab.matrix.table import print_matrix
from smtpguard.progress import LongWork


class Format(StrEnum):
    """How the matrix is written."""

    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"
    HTML = "html"


_WRITERS = {Format.JSON: as_json, Format.JUNIT: as_junit, Format.HTML: as_html}


def matrix(
    senders: Annotated[str, typer.Option(help="Sender settings, parted by commas; all when left out.")] = "",
    firewalls: Annotated[str, typer.Option(help="Policies or files, parted by commas; none is no firewall.")] = "",
    receivers: Annotated[str, typer.Option(help="Receivers or profiles, parted by commas; all when left out.")] = "",
    output: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.TABLE,
    jobs: Annotated[int | None, typer.Option(min=1, max=64, help="Processes; two a core when left out.")] = None,
) -> None:
    """Run the twelve outcomes of KB818222 and every combination of sender, firewall and receiver.

    Senders: exchange, suppress-external, helo, data, no-pipelining, modern. Receivers: exchange-2003,
    exchange-2003-504, exchange-2003-without-peexch50, exchange-55, exchange-2010, or any profile.

    Examples:

      smtpguard lab matrix

      smtpguard lab matrix --senders helo,data --firewalls mine.yaml

      smtpguard lab matrix --format junit > matrix.xml

    Takes about half a minute; stderr says how far it is. Exit status: 0 as expected, 1 not, 2 bad input.
    """
    with lab_errors():
        result = _run(
            _words("--senders", senders), _words("--firewalls", firewalls), _words("--receivers", receivers), jobs
        )
    if output is Format.TABLE:
        print_matrix(Console(highlight=False), result)
    else:
        typer.echo(_WRITERS[output](result))
    if not result.as_expected:
        raise typer.Exit(EXIT_UNEXPECTED)


def _words(option: str, given: str) -> list[str]:
    words = [word.strip() for word in given.split(",")] if given else []
    if "" in words:
        raise UsageError(f"{option}: {given!r} has an empty name; write names parted by single commas")
    return words


def _run(senders: list[str], firewalls: list[str], receivers: list[str], jobs: int | None) -> Matrix:
    rows = matrix_axes.rows()
    cells = matrix_axes.cells(senders, firewalls, receivers)
    count = len(rows) + len(cells)
    done = 0

    with LongWork(_at(0, count), count) as work:

        def advance() -> None:
            nonlocal done
            done += 1
            work.show(_at(done, count), done)

        return run_matrix(rows, cells, jobs, advance)


def _at(done: int, count: int) -> str:
    return f"lab matrix: {done} of {count} runs"
