"""The matrix as one self-contained page: no script, nothing fetched, light and dark by the reader's own setting."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from smtpguard.lab.matrix.running import CellResult, Matrix
from smtpguard.lab.matrix.table import LEGEND, told

_STYLE = """
:root { color-scheme: light dark; --line: #9996; --good: #2a7f3b; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --good: #7fd48f; --bad: #ff9a92; } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 75rem; padding: 0 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 2rem; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: 0.3rem 0.8rem 0.3rem 0; text-align: left; vertical-align: top; }
th { font-weight: 600; }
td small { display: block; opacity: 0.75; }
.delivered { color: var(--good); }
.ndr, .lost { color: var(--bad); }
.odd { outline: 2px solid var(--bad); }
@media print { body { margin: 0; max-width: none; font-size: 10px; } tr { break-inside: avoid; } }
"""


def as_html(matrix: Matrix) -> str:
    """The page."""
    parts = ["<h1>The lab's matrix</h1>", f"<p>{escape(_summary(matrix))}</p>"]
    if matrix.rows:
        parts += ["<h2>The outcomes of KB818222</h2>", _rows(matrix)]
    for receiver in dict.fromkeys(cell.receiver for cell in matrix.cells):
        parts.append(f"<h2>Receiver {escape(receiver)}</h2>")
        parts.append(_grid([cell for cell in matrix.cells if cell.receiver == receiver]))
    if matrix.cells:
        parts.append(f"<p>{escape(LEGEND)}</p>")
    head = f'<meta charset="utf-8"><title>smtpguard: the lab\'s matrix</title><style>{_STYLE}</style>'
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    body = "\n".join(parts)
    return f'<!doctype html>\n<html lang="en">\n<head>{head}{viewport}</head>\n<body>\n{body}\n</body>\n</html>'


def _summary(matrix: Matrix) -> str:
    ending = "all as expected" if matrix.as_expected else "not all as expected"
    return f"{len(matrix.rows)} rows and {len(matrix.cells)} cells, {ending}."


def _rows(matrix: Matrix) -> str:
    lines = [_line("th", ["Row", "Scenario", "Firewall", "Expected", "Seen"])]
    for row in matrix.rows:
        cells = (str(row.row), f"{row.title} ({row.scenario})", row.seen.firewall, row.expected)
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + _cell(row.seen) + "</tr>")
    return _table(lines)


def _grid(cells: Sequence[CellResult]) -> str:
    senders = list(dict.fromkeys(cell.sender for cell in cells))
    lines = [_line("th", ["Firewall", *senders])]
    for firewall in dict.fromkeys(cell.firewall for cell in cells):
        row = "".join(_cell(cell) for cell in cells if cell.firewall == firewall)
        lines.append(f"<tr><th>{escape(firewall)}</th>{row}</tr>")
    return _table(lines)


def _cell(cell: CellResult) -> str:
    outcome, why = told(cell)
    title = escape("; ".join(cell.unmet), quote=True)
    odd = f' odd" title="{title}' if cell.unmet else ""
    return f'<td class="{cell.outcome}{odd}">{escape(outcome)}<small>{escape(why)}</small></td>'


def _line(tag: str, words: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(word)}</{tag}>" for word in words) + "</tr>"


def _table(lines: Sequence[str]) -> str:
    return "<table>\n" + "\n".join(lines) + "\n</table>"
