"""The few SVG elements that the lab's drawings are made of, as text. Every text and attribute is escaped here."""

from __future__ import annotations

from html import escape


def element(name: str, content: str = "", **attributes: object) -> str:
    """``<name …>content</name>``; ``content`` is markup already. ``class_`` and ``text_anchor`` become attributes."""
    pairs = "".join(f' {_attribute(key)}="{escape(_value(value))}"' for key, value in attributes.items())
    return f"<{name}{pairs}>{content}</{name}>" if content else f"<{name}{pairs}/>"


def text(x: float, y: float, words: str, class_: str, anchor: str = "start") -> str:
    """One line of text; blanks in it stay."""
    return element("text", escape(words), x=x, y=y, class_=class_, text_anchor=anchor)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> str:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def arrow(x1: float, x2: float, y: float, class_: str) -> str:
    """A level line with a head at ``x2``."""
    back = 9 if x2 > x1 else -9
    head = f"{_value(x2)},{_value(y)} {_value(x2 - back)},{_value(y - 4.5)} {_value(x2 - back)},{_value(y + 4.5)}"
    return line(x1, y, x2 - back / 2, y, class_) + element("polygon", points=head, class_=class_)


def box(x: float, y: float, width: float, height: float, class_: str, hint: str = "") -> str:
    """A rectangle with rounded corners; ``hint`` is what a pointer over it shows."""
    title = element("title", escape(hint)) if hint else ""
    return element("rect", title, x=x, y=y, width=width, height=height, rx=3, class_=class_)


def drawing(width: float, height: float, content: str, label: str) -> str:
    """A whole drawing that scales to its place; ``label`` says what it shows to those who cannot see it."""
    size = f"0 0 {_value(width)} {_value(height)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{size}" role="img" aria-label="{escape(label)}">'
        f"{content}</svg>"
    )


def _attribute(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return str(value)
