"""Reads a page as a browser would, and strictly."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset(("meta", "br", "line", "rect", "polygon"))
LOADING = frozenset(("src", "href", "xlink:href", "action", "srcset", "poster", "data"))


class Reader(HTMLParser):
    """Reads a page strictly: every element that opens closes in its turn."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    assert reader.open == []
    return reader


def assert_self_contained(markup: str) -> None:
    """Nothing is loaded from anywhere and nothing runs."""
    reader = read(markup)
    assert not {tag for tag, _ in reader.elements} & {"script", "link", "img", "iframe", "object", "embed", "base"}
    for _, attributes in reader.elements:
        assert not LOADING & attributes.keys()
        assert not [name for name in attributes if name.startswith("on")]
    style = markup[markup.index("<style>") : markup.index("</style>")]
    assert "url(" not in style
    assert "@import" not in style
