"""Small pieces of HTML that the page's parts are made of. Text is escaped here, markup is passed on as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def tag(name: str, markup: str, class_: str = "") -> str:
    """``<name class="…">markup</name>``."""
    return f'<{name} class="{escape(class_)}">{markup}</{name}>' if class_ else f"<{name}>{markup}</{name}>"


def words(name: str, text: str, class_: str = "") -> str:
    """An element around escaped text."""
    return tag(name, escape(text), class_)


def section(title: str, markup: str) -> str:
    """A titled part of the page; nothing when there is nothing in it."""
    return f"<section>{words('h2', title)}{markup}</section>\n" if markup else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: frozenset[int] = frozenset()) -> str:
    """A table; cells are markup. ``numbers``: the columns that are set to the right."""
    kinds = ["number" if column in numbers else "" for column in range(len(head))]
    top = "".join(words("th", title, kind) for title, kind in zip(head, kinds, strict=True))
    lines = "".join(
        tag("tr", "".join(tag("td", cell, kind) for cell, kind in zip(row, kinds, strict=True))) for row in rows
    )
    return tag("div", tag("table", tag("thead", tag("tr", top)) + tag("tbody", lines)), "scroll")


def facts(pairs: Iterable[tuple[str, str]]) -> str:
    """Names and their text, side by side; a pair without text is left out."""
    return tag("dl", "".join(words("dt", name) + words("dd", text) for name, text in pairs if text), "facts")


def folded(summary: str, markup: str) -> str:
    """What a reader opens when it is wanted."""
    return f"<details>{words('summary', summary)}{markup}</details>"
