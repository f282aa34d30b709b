"""What is wrong with a policy, where, and the nearest word that would be right.

One ``PolicyError`` a problem. ``str(error)`` is one line, in the form that editors jump to:
``policies/x.yaml:7:11: then: unknown action 'stripp' (did you mean 'strip'?)``.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

_SHOWN = 60  # characters of a value that a message quotes


class PolicyError(Exception):
    """One problem. ``line`` and ``column`` count from 1; both are None where the file itself is the problem."""

    def __init__(
        self,
        message: str,
        *,
        file: str = "",
        line: int | None = None,
        column: int | None = None,
        field: str = "",
        hint: str = "",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.file = file
        self.line = line
        self.column = column
        self.field = field
        self.hint = hint

    def __str__(self) -> str:
        place = self.file
        if self.line is not None:
            place += f":{self.line}:{self.column}"
        parts = [part for part in (place, self.field) if part]
        text = ": ".join([*parts, self.message])
        return one_line(f"{text} ({self.hint})" if self.hint else text)

    def as_dict(self) -> dict[str, object]:
        """The problem as plain values, for ``policy check --format json``."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "field": self.field,
            "message": self.message,
            "hint": self.hint,
        }


def one_line(text: str) -> str:
    """``text`` with line ends and other control characters as escapes, so that it stays one line."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text)


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of ``words`` that ``word`` was most probably meant to be, None where nothing is near."""
    folded: dict[str, str] = {}
    for candidate in words:
        folded.setdefault(candidate.casefold(), candidate)
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def suggestion(word: str, words: Iterable[str]) -> str:
    """A hint for a wrong ``word``: the nearest one, else all of ``words`` where they fit on a line."""
    listed = list(words)
    close = nearest(word, listed)
    if close is not None:
        return f"did you mean '{close}'?"
    return "one of: " + ", ".join(listed) if len(listed) <= 16 else ""


def quoted(value: object) -> str:
    """``value`` as a message shows it: one line, cut where it is long."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
