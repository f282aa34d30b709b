"""The rows of a ladder: what the sender said and heard, what reached the receiver, and what the firewall did between.

An item that passed unchanged is one row across; one that the firewall kept, changed or made itself touches one leg
only. The sender's leg gives the order; what only the receiver's leg has stands behind what came before it there. So
the same run gives the same rows, however the two legs overlapped. At most ``MOST_ITEMS`` of each leg are drawn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from smtpguard.lab.capture.legs import Connection
from smtpguard.lab.events import Event
from smtpguard.lab.telling.ladder_notes import note_boxes
from smtpguard.lab.telling.ladder_reading import read_items
from smtpguard.pages.ladder import GREETING, Item, Ladder, Row

MOST_ITEMS = 120  # ours: what a page can show and a reader wants to see

_DIGITS = re.compile(r"[0-9]+")
_TELLING = frozenset(("violation", "uncertain", "stall", "timeout", "rule-crashed"))  # records without a rule


def wording(ladder: Ladder) -> tuple[tuple[object, ...], ...]:
    """What was said, without figures and times: two ladders with the same wording tell the same story."""
    return tuple((row.passed, row.sender is None, *_gist(row.item), len(row.notes)) for row in ladder.rows)


def _gist(item: Item) -> tuple[object, ...]:
    """An item without what differs from attempt to attempt: the banner's date, ids, counts."""
    if item.kind == "reply" and item.verb == GREETING:
        return ("greeting", item.data[:3])
    return (item.kind, item.from_client, tuple(_DIGITS.sub("0", line[4:]) for line in item.lines), item.data[:3])


def direct_ladder(connection: Connection) -> Ladder:
    """The ladder of a connection without a firewall: every row passes."""
    items = read_items(connection)
    rows = tuple(Row(item, item) for item in items[:MOST_ITEMS])
    return Ladder(connection.number, False, rows, max(0, len(items) - MOST_ITEMS))


def firewall_ladder(sender: Connection, receiver: Connection | None, events: Sequence[Event]) -> Ladder:
    """The ladder of a connection through the firewall. ``receiver``: its other leg; ``events``: its records."""
    near = read_items(sender)
    far = [] if receiver is None else read_items(receiver)
    left_out = max(0, len(near) - MOST_ITEMS) + max(0, len(far) - MOST_ITEMS)
    rows = _woven(near[:MOST_ITEMS], far[:MOST_ITEMS])
    _annotate(rows, events)
    return Ladder(sender.number, True, tuple(rows), left_out)


def _woven(near: list[Item], far: list[Item]) -> list[Row]:
    partner: dict[int, int] = {}  # place in ``far`` -> place in ``near``
    for from_client in (True, False):
        places_near = [place for place, item in enumerate(near) if item.from_client is from_client]
        places_far = [place for place, item in enumerate(far) if item.from_client is from_client]
        keys_near = [(near[place].kind, near[place].data) for place in places_near]
        keys_far = [(far[place].kind, far[place].data) for place in places_far]
        for block in SequenceMatcher(None, keys_near, keys_far, autojunk=False).get_matching_blocks():
            for step in range(block.size):
                partner[places_far[block.b + step]] = places_near[block.a + step]
    rows = [Row(item, None) for item in near]
    by_place = list(rows)
    before: Row | None = None  # the row of the item before this one on the receiver's leg
    for place, item in enumerate(far):
        if place in partner:
            row = by_place[partner[place]]
            row.receiver = item
        else:
            row = Row(None, item)
            rows.insert(_place(rows, before, item), row)
        before = row
    return rows


def _place(rows: list[Row], before: Row | None, item: Item) -> int:
    """Behind ``before``, behind everything that had happened by then, and behind what may have been its cause."""
    place = 0 if before is None else next(number for number, row in enumerate(rows, 1) if row is before)
    while place < len(rows) and (rows[place].time < item.time or _may_cause(rows[place], item)):
        place += 1
    return place


def _may_cause(row: Row, item: Item) -> bool:
    """What the sender said in that moment and did not come through may be what ``item`` was made of.

    Any thing that was said may be why the firewall closes towards the receiver.
    """
    if row.time != item.time or not item.from_client or row.item.kind == "close":
        return False
    return item.kind == "close" or (row.receiver is None and row.item.from_client)


def _annotate(rows: list[Row], events: Sequence[Event]) -> None:
    """Hang each record of the firewall on the row that it is about; each such row once before any twice."""
    used: dict[str, set[int]] = {}
    hung: list[list[Event]] = [[] for _ in rows]
    for event in events:
        if not rows or ("rule" not in event.fields and event.event not in _TELLING):
            continue
        fitting = [place for place, row in enumerate(rows) if _is_about(event, row)]
        halted = [place for place in fitting if not rows[place].passed]
        if event.event.partition("-")[2] != "recorded" and halted:
            fitting = halted  # a rule that did something did it where an item went no further
        if not fitting:
            earlier = [place for place, row in enumerate(rows) if row.time <= event.time]
            fitting = earlier[-1:] or [0]
        taken = used.setdefault(_occasion(event), set())
        place = next((number for number in fitting if number not in taken), fitting[-1])
        taken.add(place)
        hung[place].append(event)
    for row, told in zip(rows, hung, strict=True):
        row.notes = note_boxes(told)


def _occasion(event: Event) -> str:
    """Two records of one occasion may hang on the same row: keywords of one EHLO reply, a rule and its stall."""
    return f"{event.event} {event.fields.get('verb', '')} {event.fields.get('keyword', '')}"


def _is_about(event: Event, row: Row) -> bool:
    """Whether ``event`` speaks of what ``row`` shows."""
    kind = event.event.partition("-")[0]
    verb = event.fields.get("verb")
    near, far = row.sender, row.receiver
    if kind == "connect":
        return row.item.kind == "open"
    if kind in ("greeting", "keyword", "reply"):
        wanted = {"greeting": GREETING, "keyword": "EHLO"}.get(kind, verb)
        return _is_reply(far, wanted, event.fields.get("code") if kind == "reply" else None)
    if kind == "stall" and near is None:
        return _is_reply(far, verb, None)
    if kind in ("payload", "message", "stall"):
        return near is not None and near.is_payload and near.verb == verb
    return near is not None and near.kind == "command" and near.verb == verb


def _is_reply(item: Item | None, verb: object, code: object) -> bool:
    if item is None or item.kind != "reply" or item.verb != verb:
        return False
    return code is None or item.data.startswith(str(code).encode("ascii"))
