"""Event log entries as Event Viewer and the Knowledge Base print them.

The layout is KB818222's: two columns of labels, the description, the data in rows of eight octets. Dates and times are
those of an American Windows (KB843106: 1/13/2004, 5:23:43 PM). Blanks at the end of a line are left out, as there.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from rich.console import Console
from rich.text import Text

from smtpguard.lab.eventlog.entries import Entry

_LABEL = 10  # columns of a label, blanks included
_VALUE = 16  # of a value in the first column: "Error" and eleven blanks in the article
_ROW = 8
_HEX = 3 * _ROW - 1
_BETWEEN = " " * 4
_RULE = "-" * 72  # ours: what parts two entries


def dump(data: bytes) -> list[str]:
    """``data`` in rows of eight octets: offset, hexadecimal, text; a dot stands for what is no printable ASCII."""
    rows = []
    for offset in range(0, len(data), _ROW):
        piece = data[offset : offset + _ROW]
        text = "".join(chr(octet) if 32 <= octet < 127 else "." for octet in piece)
        rows.append(f"{offset:04x}: {piece.hex(' ').upper():{_HEX}}{_BETWEEN}{text}".rstrip())
    return rows


def us_date(moment: datetime) -> str:
    """``10/25/2007``: month, day, year, none of them padded."""
    return f"{moment.month}/{moment.day}/{moment.year}"


def us_time(moment: datetime) -> str:
    """``9:00:00 AM``, without a leading zero."""
    return f"{moment.hour % 12 or 12}:{moment:%M:%S} {'AM' if moment.hour < 12 else 'PM'}"


def lines(entry: Entry) -> list[str]:
    """One entry, line by line."""
    shown = [
        _pair("Date:", us_date(entry.date), "Source:", entry.source),
        _pair("Time:", us_time(entry.date), "Category:", entry.category),
        _pair("Type:", entry.type, "Event ID:", str(entry.event_id)),
        f"{'User:':{_LABEL}}{entry.user}".rstrip(),
        f"{'Computer:':{_LABEL}}{entry.computer}",
        "",
        "Description:",
        entry.description,
    ]
    if entry.data:
        shown += ["", "Data:", *dump(entry.data)]
    return shown


def as_text(entries: Iterable[Entry]) -> str:
    """All entries, parted by a line of dashes; empty when there are none."""
    return f"{_RULE}\n".join("".join(f"{line}\n" for line in lines(entry)) for entry in entries)


def print_entries(entries: Iterable[Entry], console: Console) -> None:
    """Print ``as_text`` without wrapping or colour."""
    text = as_text(entries)
    if text:
        console.print(Text(text.removesuffix("\n")), soft_wrap=True)


def _pair(label: str, value: str, label_right: str, value_right: str) -> str:
    return f"{label:{_LABEL}}{value:{_VALUE}}{label_right:{_LABEL}}{value_right}"
