"""The frame of a page: no script, no request to anywhere, readable in light and dark and on paper."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from string import Template


def page(title: str, body: str) -> str:
    """A whole page; ``title`` is text, ``body`` markup."""
    return Template(_read("page.html")).substitute(title=escape(title), style=_read("page.css"), body=body)


def _read(name: str) -> str:
    return (files("smtpguard.pages") / name).read_text(encoding="utf-8")
