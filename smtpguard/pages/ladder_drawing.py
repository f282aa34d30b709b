"""A ladder as SVG: lifelines of sender, firewall and receiver, or of two ends alone, time from top to bottom.

An arrow that passes both legs passed the firewall unchanged; one that ends in a cross at the firewall went no further.
Boxes in the middle say what the firewall did, or what was noticed. Long lists of keywords are wrapped, other long lines
are cut; the page has the whole conversation as text elsewhere.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from smtpguard.pages import svg
from smtpguard.pages.ladder import Item, Ladder, Note, Row
from smtpguard.pages.wording import lasting, span

WIDTH = 1000
_SENDER, _FIREWALL, _RECEIVER = 110, 540, 970
_HEAD = 40
_LINE = 15  # between two lines of text
_ABOVE_ARROW = 6
_BELOW_ARROW = 12
_CHARACTER = 7.0  # the width of one in the drawing's fixed-width type
_GAP_SECONDS = 1.0  # a silence that is marked
_GAP_HEIGHT = 46
_NOTE_LINE = 14
_INDENT = " " * 4
_NO_BREAK = "\u00a0"
_NOTE_FITS = 90
_LIST_LINES = 5  # an EHLO reply from so many lines on is wrapped


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a row's arrow goes, from ``start`` to ``end``, and how much text fits over it."""

    start: float
    end: float
    left: float
    fits: int


def draw(ladder: Ladder, sender: str, firewall: str, receiver: str) -> str:
    """The drawing; the names are those over the lifelines."""
    pieces: list[str] = []
    y = float(_HEAD)
    last = ladder.rows[0].time if ladder.rows else 0.0
    shown = ""
    for number, row in enumerate(ladder.rows):
        if row.time - last >= _GAP_SECONDS:
            pieces.append(_gap(ladder, y, row.time - last))
            y += _GAP_HEIGHT
        drawn, height = _row(ladder, number, y, with_time=span(row.time) != shown)
        pieces.append(drawn)
        y += height
        last, shown = row.time, span(row.time)
    if ladder.left_out:
        pieces.append(svg.text(_SENDER + 10, y + 20, f"… {ladder.left_out} more, not drawn", "faint"))
        y += 30
    names = [(_SENDER, sender, "start"), (_RECEIVER, receiver, "end")]
    if ladder.firewall:
        names.insert(1, (_FIREWALL, firewall, "middle"))
    lifelines = "".join(svg.line(x, _HEAD - 12, x, y + 10, "life") for x, _, _ in names)
    heads = "".join(svg.text(x, 16, name, "head", anchor) for x, name, anchor in names)
    return svg.drawing(WIDTH, y + 14, lifelines + heads + "".join(pieces), "Ladder of the conversation")


def _row(ladder: Ladder, number: int, y: float, *, with_time: bool) -> tuple[str, float]:
    row = ladder.rows[number]
    place = _place(ladder, row)
    lines = _lines(row.item, place.fits)
    base = y + _LINE * len(lines) + _ABOVE_ARROW
    kind = _style(row.item)
    parts = [svg.text(place.left, y + _LINE * step, words, kind) for step, words in enumerate(lines, 1)]
    parts.append(svg.arrow(place.start, place.end, base, kind))
    if with_time:
        parts.append(svg.text(_SENDER - 12, y + _LINE, span(row.time), "time", "end"))
    if ladder.firewall and _stopped(ladder, number):
        parts.append(_cross(_FIREWALL, base))
    height = base - y + _BELOW_ARROW
    for found in row.notes:
        note, taken = _note(found, y + height)
        parts.append(note)
        height += taken
    return "".join(parts), height


def _place(ladder: Ladder, row: Row) -> _Place:
    near, far = (_SENDER, _RECEIVER)
    if ladder.firewall and row.receiver is None:
        far = _FIREWALL
    if ladder.firewall and row.sender is None:
        near = _FIREWALL
    fits = int((far - near - 24) / _CHARACTER)
    start, end = (near, far) if row.item.from_client else (far, near)
    return _Place(start, end, near + 12, fits)


def _lines(item: Item, fits: int) -> list[str]:
    if item.kind == "reply" and len(item.lines) >= _LIST_LINES:
        # A keyword and its arguments stay together: the wrapper breaks at blanks, and not at these.
        keywords = f"{_NO_BREAK}· ".join(line[4:].replace(" ", _NO_BREAK) for line in item.lines[1:])
        wrapped = textwrap.wrap(keywords, fits - len(_INDENT), break_on_hyphens=False)
        return [_cut(item.lines[0], fits), *(_INDENT + line.replace(_NO_BREAK, " ") for line in wrapped)]
    return [_cut(line, fits) for line in item.lines]


def _cut(words: str, fits: int) -> str:
    return words if len(words) <= fits else f"{words[: fits - 1]}…"


def _style(item: Item) -> str:
    if item.kind in ("open", "close"):
        return "event"
    if item.is_payload or item.kind == "octets":
        return "payload"
    if item.kind == "reply":
        return "bad" if item.data[:1] in (b"4", b"5") else "reply"
    return "command"


def _stopped(ladder: Ladder, number: int) -> bool:
    """Whether what came to the firewall went no further, not even changed."""
    row = ladder.rows[number]
    from_client = row.item.from_client
    came = row.sender if from_client else row.receiver
    if row.passed or came is None or came.kind in ("open", "close"):
        return False
    behind = (one for one in ladder.rows[number + 1 :] if one.item.from_client is from_client)
    following = next((one for one in behind if one.item.kind not in ("open", "close")), None)
    # Something else that left the firewall on the other side instead is the same thing, changed.
    return following is None or (following.sender if from_client else following.receiver) is not None


def _cross(x: float, y: float) -> str:
    return svg.line(x - 7, y - 7, x + 7, y + 7, "cross") + svg.line(x - 7, y + 7, x + 7, y - 7, "cross")


def _gap(ladder: Ladder, y: float, seconds: float) -> str:
    middle = y + _GAP_HEIGHT / 2 - 4
    lifelines = (_SENDER, _FIREWALL, _RECEIVER) if ladder.firewall else (_SENDER, _RECEIVER)
    breaks = "".join(svg.line(x, y + 4, x, y + _GAP_HEIGHT - 8, "break") for x in lifelines)
    words = f"{lasting(seconds)} in which nothing is said"
    at = (_SENDER + _FIREWALL) / 2 if ladder.firewall else (_SENDER + _RECEIVER) / 2
    return breaks + svg.text(at, middle + 4, words, "pause", "middle")


def _note(note: Note, y: float) -> tuple[str, float]:
    lines = [_cut(words, _NOTE_FITS) for words in note.lines]
    width = max(len(line) for line in lines) * 6.4 + 20
    height = _NOTE_LINE * len(lines) + 8
    kind = "note" if note.by_rule else "alarm"
    parts = [svg.box(_FIREWALL - width / 2, y, width, height, kind)]
    for step, words in enumerate(lines):
        parts.append(svg.text(_FIREWALL, y + 15 + _NOTE_LINE * step, words, f"{kind}-text", "middle"))
    return "".join(parts), height + 8
