"""A session's steps as the rows of a ladder, with a box at each step that a finding is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from smtpguard.analyzer.steps import Step, shown
from smtpguard.pages.ladder import Item, Kind, Ladder, Note, Row

MOST_ROWS = 60  # ours: what a page can show; a session of the analyzer has a dozen
_MOST_LINES = 4  # of what was sent in one piece, before the rest is counted
_GIVEN_UP = ("silent", "babbling", "late")


def session_ladder(steps: Sequence[Step], noted: Sequence[tuple[Step, Sequence[str]]]) -> Ladder:
    """The ladder of ``steps``; each of ``noted`` is a step and the lines of a box there.

    Times are seconds since the session began.
    """
    rows: list[Row] = []
    now = 0.0
    for step in steps:
        own = [Row(item, item) for item in _items(step, now)]
        if own:
            # Behind what came back, or what was sent where nothing did, and before the end of the connection.
            said = [row for row in own if row.item.kind != "close" or step.name == "connect"]
            boxes = [Note(tuple(words), by_rule=False) for about, words in noted if about is step]
            (said or own)[-1].notes.extend(boxes)
        rows += own
        now += step.seconds
    return Ladder(1, False, tuple(rows[:MOST_ROWS]), max(0, len(rows) - MOST_ROWS))


def _items(step: Step, began: float) -> Iterator[Item]:
    ended = began + step.seconds
    if step.name == "lookup":
        return
    if step.name == "connect":
        yield Item(began, True, "open", ("TCP connection" if not step.failure else "tries a TCP connection",))
        if step.failure:
            yield Item(ended, False, "close", (step.outcome,))
        return
    if step.unasked:
        yield Item(began, False, "reply", (*_lines(step.unasked), "(nobody had asked for that)"), "", step.unasked)
    if step.sent:
        yield from _sent(step, began)
    if step.received:
        yield Item(ended, False, "reply", _lines(step.received, most=40), step.name, step.received)
    if step.failure == "closed":
        yield Item(ended, False, "close", ("closes the connection",))
    elif step.failure in _GIVEN_UP:
        yield Item(ended, True, "close", ("gives up",))


def _sent(step: Step, began: float) -> Iterator[Item]:
    """Commands line by line; what follows a command or a go-ahead is counted."""
    if step.name == "message":
        yield _payload("message", began, step.sent, "octets of message, dot line included")
        return
    first, rest = step.sent.partition(b"\r\n")[::2]
    lines = _lines(step.sent)
    if b"BDAT" in first.upper() and rest:
        yield Item(began, True, "command", (shown(first),), "BDAT", first + b"\r\n")
        yield _payload("message", began, rest, "octets of message")
    elif _is_text(step.sent) and step.sent.endswith(b"\n") and step.sent.count(b"\n") <= _MOST_LINES:
        yield Item(began, True, "command", lines, step.name, step.sent)
    else:
        yield _payload("blob", began, step.sent, "octets")


def _payload(kind: Kind, time: float, octets: bytes, what: str) -> Item:
    return Item(time, True, kind, (f"[{len(octets)} {what}]",), "", octets)


def _is_text(octets: bytes) -> bool:
    return all(32 <= octet < 127 or octet in (9, 10, 13) for octet in octets)


def _lines(octets: bytes, most: int = _MOST_LINES) -> tuple[str, ...]:
    lines = octets.splitlines()
    left = len(lines) - most
    return (*(shown(line) for line in lines[:most]), *((f"… {left} more lines",) if left > 0 else ()))
