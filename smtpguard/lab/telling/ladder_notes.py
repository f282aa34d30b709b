"""What a firewall's record says, in words, for the box on its lifeline."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from smtpguard.lab.events import Event
from smtpguard.pages.ladder import Note

_DOES = {
    "pass": "passes",
    "record": "records",
    "strip": "strips",
    "mask": "masks",
    "reject": "refuses",
    "rewrite": "rewrites",
    "eat": "eats",
    "cap": "caps",
    "truncate": "truncates",
    "misread": "misreads",
    "delay": "delays",
    "slice": "slices",
    "drop": "drops",
    "tunnel": "tunnels from",
}
_ENDS = {"close": "closes the connection", "reset": "resets the connection"}


def note_boxes(events: Sequence[Event]) -> list[Note]:
    """A box a record, keywords that one rule treats alike in one: what was done, then by which rule.

    The second line also names the event that the imitated box logs.
    """
    boxes = []
    for _, alike in groupby(events, key=_sameness):
        group = list(alike)
        first = group[0].fields
        if "rule" not in first:
            boxes.append(Note((_noticed(group[0]),), by_rule=False))
            continue
        by = f"rule {first['rule']}"
        if first.get("event_id"):
            by += f", logs event {first['event_id']}"
        boxes.append(Note((_did(group), by), by_rule=True))
    return boxes


def _sameness(event: Event) -> tuple[object, ...]:
    if event.fields.get("where") == "keyword":
        return (event.event, event.fields.get("rule"))
    return (id(event),)


def _did(group: Sequence[Event]) -> str:
    event = group[0]
    would = "(observed only) " if event.fields.get("observed") else ""
    ends = _ENDS.get(str(event.fields.get("action", "")))
    if ends is not None:
        cause = "" if event.fields.get("where") == "connect" else f" on {_object(event)}"
        return f"{would}{ends}{cause}"
    does = _DOES.get(str(event.fields.get("action", "")))
    if does is None:
        return event.event.replace("-", " ")
    if len(group) > 1:
        return f"{would}{does} the keywords {', '.join(str(one.fields.get('keyword', '')) for one in group)}"
    return f"{would}{does} {_object(event)}"


def _object(event: Event) -> str:
    """What the action fell upon, by the place of its rule."""
    fields = event.fields
    where, verb = str(fields.get("where", "")), str(fields.get("verb") or "")
    size = f", {fields['size']} octets" if fields.get("size") is not None else ""
    match where:
        case "keyword":
            return f"the keyword {fields.get('keyword', '')}".rstrip()
        case "reply":
            return f"the reply {fields['code']} to {verb}" if fields.get("code") else f"the reply to {verb}"
        case "payload" | "message":
            return f"the {where} of {verb}{size}" if verb else f"the {where}{size}"
        case "connect":
            return "the connection"
        case "greeting" | "violation":
            return f"the {where}"
    return "an unknown command" if verb == "unknown" else verb


def _noticed(event: Event) -> str:
    """A record without a rule: a stall, a violation, a timeout."""
    fields = event.fields
    about = [
        str(fields[name]).replace("-", " ")
        for name in ("violation", "why", "which", "then", "detail")
        if fields.get(name)
    ]
    if event.event == "stall":
        return f"from here on nothing passes: {', '.join(about)}" if about else "from here on nothing passes"
    return f"{event.event.replace('-', ' ')}: {', '.join(about)}" if about else event.event.replace("-", " ")
