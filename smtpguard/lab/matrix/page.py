"""The matrix as one self-contained page, in the frame of the other pages: no script, nothing fetched."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from smtpguard.lab.matrix.running import CellResult, Matrix
from smtpguard.lab.matrix.table import LEGEND, OUTCOMES, extent, odd, told
from smtpguard.pages.markup import section, tag, words
from smtpguard.pages.page import page


def as_html(matrix: Matrix) -> str:
    """The page."""
    parts = [words("h1", "The lab's matrix"), _verdict(matrix), words("p", LEGEND, "note")]
    if matrix.rows:
        parts.append(section("The outcomes of KB818222", _rows(matrix)))
    for receiver in dict.fromkeys(cell.receiver for cell in matrix.cells):
        grid = _grid([cell for cell in matrix.cells if cell.receiver == receiver])
        parts.append(section(f"Receiver {receiver}", grid))
    return page("smtpguard: the lab's matrix", "\n".join(parts))


def _verdict(matrix: Matrix) -> str:
    ending = "all as expected" if matrix.as_expected else "not all as expected"
    summary = words("strong", f"{extent(matrix)}, {ending}.")
    unmet = "".join(words("li", sentence) for sentence in odd(matrix))
    return tag(
        "div", summary + (tag("ul", unmet) if unmet else ""), f"verdict {'good' if matrix.as_expected else 'bad'}"
    )


def _rows(matrix: Matrix) -> str:
    lines = [
        "".join(words("td", text) for text in (str(row.row), f"{row.title} ({row.scenario})", row.seen.firewall))
        + words("td", OUTCOMES[row.expected])
        + _cell(row.seen)
        for row in matrix.rows
    ]
    return _table(["Row", "Scenario", "Firewall", "Expected", "Seen"], lines)


def _grid(cells: Sequence[CellResult]) -> str:
    senders = dict.fromkeys(cell.sender for cell in cells)
    firewalls = dict.fromkeys(cell.firewall for cell in cells)
    lines = [
        words("th", firewall) + "".join(_cell(cell) for cell in cells if cell.firewall == firewall)
        for firewall in firewalls
    ]
    return _table(["Firewall", *senders], lines)


def _cell(cell: CellResult) -> str:
    outcome, why = told(cell)
    return tag(
        "td", words("span", outcome) + words("small", why), f"{cell.outcome} odd" if cell.unmet else cell.outcome
    )


def _table(head: Sequence[str], lines: Iterable[str]) -> str:
    top = tag("thead", tag("tr", "".join(words("th", title) for title in head)))
    return tag("div", tag("table", top + tag("tbody", "".join(tag("tr", line) for line in lines))), "scroll matrix")
