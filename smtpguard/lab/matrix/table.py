"""The matrix for people: the twelve rows, then a grid a receiver, firewalls down and senders across.

A cell says the outcome, with the number of attempts where there were several, and below it the step of KB818222 that
failed and the cause in a word. Plain ASCII; colour only where the console has it.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from smtpguard.lab.matrix.running import CellResult, Matrix
from smtpguard.lab.telling.report import heading, line
from smtpguard.pages.wording import counted

LEGEND = (
    "ok: delivered. NDR 17x: returned after 17 attempts. LOST: acknowledged and never stored. "
    "Below: the step of KB818222 that failed, and the cause in a word, most often what the firewall did; 504 or the "
    "like: XEXCH50 was refused and the mail went on; clear: TLS was wanted and not there."
)

_COLOURS = {"delivered": "green", "ndr": "red", "lost": "magenta"}
OUTCOMES = {"delivered": "ok", "ndr": "NDR", "lost": "LOST"}
"""Each outcome in a word that fits a cell."""


def told(cell: CellResult) -> tuple[str, str]:
    """A cell's two lines: ``NDR 17x`` and ``13 eaten``."""
    outcome = OUTCOMES[cell.outcome]
    if cell.attempts > 1:
        outcome += f" {cell.attempts}x"
    step = "" if cell.step is None else f"{cell.step} "
    return outcome, f"{step}{cell.cause}".rstrip()


def print_matrix(console: Console, matrix: Matrix) -> None:
    """Write the whole matrix."""
    if matrix.rows:
        heading(console, "The outcomes of KB818222")
        _rows(console, matrix)
    for receiver in dict.fromkeys(cell.receiver for cell in matrix.cells):
        heading(console, f"Receiver {receiver}")
        _grid(console, [cell for cell in matrix.cells if cell.receiver == receiver])
    line(console)
    if matrix.cells:
        line(console, LEGEND, "dim")
    for sentence in odd(matrix):
        line(console, sentence, "bold red")
    words = extent(matrix)
    line(console, f"{words}: all as expected." if matrix.as_expected else f"{words}: not all as expected.", "bold")


def _rows(console: Console, matrix: Matrix) -> None:
    width = max(len(row.scenario) for row in matrix.rows)
    firewalls = max(len(row.seen.firewall) for row in matrix.rows)
    for row in matrix.rows:
        outcome, why = told(row.seen)
        mark = "as expected" if row.as_expected else f"EXPECTED {OUTCOMES[row.expected]}"
        text = f"  {row.scenario:{width}}  {row.seen.firewall:{firewalls}}  {outcome:8} {why:16} {mark}"
        line(console, text, _COLOURS[row.seen.outcome] if row.as_expected else "bold red")


def _grid(console: Console, cells: Sequence[CellResult]) -> None:
    senders = list(dict.fromkeys(cell.sender for cell in cells))
    firewalls = list(dict.fromkeys(cell.firewall for cell in cells))
    by_place = {(cell.firewall, cell.sender): cell for cell in cells}
    first = max(len(name) for name in firewalls) + 2
    widths = [
        max(len(sender), *(len(word) for firewall in firewalls for word in told(by_place[firewall, sender])))
        for sender in senders
    ]
    head = "  ".join(f"{name:{size}}" for name, size in zip(senders, widths, strict=True))
    line(console, f"  {'':{first}}{head}".rstrip())
    for firewall in firewalls:
        row = [by_place[firewall, sender] for sender in senders]
        for place in (0, 1):
            if place == 0 or any(told(cell)[1] for cell in row):
                _print_line(console, f"  {firewall if place == 0 else '':{first}}", row, widths, place)


def _print_line(console: Console, head: str, row: Sequence[CellResult], widths: Sequence[int], place: int) -> None:
    text = Text(head)
    for cell, width in zip(row, widths, strict=True):
        colour = "bold red" if cell.unmet else _COLOURS[cell.outcome] if place == 0 else "dim"
        text.append(f"{told(cell)[place]:{width}}  ", colour)
    text.rstrip()
    console.print(text, soft_wrap=True)


def extent(matrix: Matrix) -> str:
    """``12 rows and 1 cell``."""
    return f"{counted(len(matrix.rows), 'row', 'rows')} and {counted(len(matrix.cells), 'cell', 'cells')}"


def odd(matrix: Matrix) -> list[str]:
    """Whatever is not as expected, a sentence each."""
    said = [f"{row.scenario}: {sentence}" for row in matrix.rows for sentence in row.seen.unmet]
    for cell in matrix.cells:
        said += [f"{cell.sender} through {cell.firewall} to {cell.receiver}: {sentence}" for sentence in cell.unmet]
    return said
