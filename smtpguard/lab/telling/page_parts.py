"""The parts of the page about a run: head and verdict, steps, conversation, event logs, notifications, messages.

Each function gives markup, or nothing where the run has nothing to show for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from email import message_from_bytes
from html import escape
from itertools import groupby

from smtpguard.lab.eventlog.entries import Entry
from smtpguard.lab.eventlog.viewer import lines as event_lines
from smtpguard.lab.eventlog.viewer import us_date, us_time
from smtpguard.lab.events import Host
from smtpguard.lab.queue.fate import Notification
from smtpguard.lab.result import RunResult
from smtpguard.lab.sender.steps import TITLES, State
from smtpguard.lab.telling.outlook import outlook_lines
from smtpguard.lab.telling.transcript import Direction, Said
from smtpguard.pages import ladder_drawing
from smtpguard.pages.ladder import Ladder
from smtpguard.pages.markup import facts, folded, table, tag, words
from smtpguard.pages.wording import counted, lasting, span

MOST_LADDERS = 4  # ours: connections that tell different stories

_SIGNS: dict[State, tuple[str, str]] = {"ok": ("ok", "✓"), "failed": ("failed", "✗"), "not reached": ("unreached", "·")}
_DIRECTIONS: dict[Direction, str] = {"-->": "out", "<--": "in", "---": "what"}
_HOSTS: dict[Host, str] = {"sender": "The sender", "firewall": "The firewall", "receiver": "The receiver"}
_NDR = "Non-delivery report"
_MOST_TIMES = 6  # of alike entries that are named one by one


def head(result: RunResult) -> str:
    """Title, cast and verdict."""
    scenario = result.scenario
    sender = scenario.sender
    wall = "none" if result.without_firewall else f"{result.firewall}: {result.firewall_summary}"
    pairs = [
        ("Scenario", f"{scenario.name}, after {scenario.source}" if scenario.source else scenario.name),
        ("From", f"{sender.address}, by {sender.host}"),
        ("To", f"{', '.join(sender.recipients)}, at {scenario.receiver.host} ({result.receiver_summary})"),
        ("Firewall", wall),
        ("Message", _messages(result)),
        ("Began", f"{scenario.start:%Y-%m-%d %H:%M:%S %z}, on a simulated clock; seed {scenario.seed}"),
    ]
    about = words("p", scenario.about) if scenario.about else ""
    return words("h1", scenario.title) + about + verdict(result) + facts(pairs)


def _messages(result: RunResult) -> str:
    first = f"{len(result.sent)} octets"
    return first if len(result.messages) == 1 else f"{len(result.messages)} copies, {first} the first"


def verdict(result: RunResult) -> str:
    """What became of it, and whether that is what the scenario expects."""
    attempts = sum(len(fate.attempts) for fate in result.fates)
    tried = f"{counted(attempts, 'attempt', 'attempts')} in {lasting(result.simulated_seconds)}"
    if result.outcome == "delivered":
        strong = "Delivered." if result.intact else "Delivered, but not as it was sent."
    elif result.outcome == "lost":
        strong = "Lost: the sender was told that it is delivered, and the receiver never had it."
    else:
        statuses = sorted({ndr.status for fate in result.fates for ndr in fate.ndrs})
        strong = f"Not delivered: non-delivery report {', '.join(statuses)}."
        if result.mailbox:
            stored = counted(len(result.mailbox), "message", "messages")
            strong = f"Non-delivery report {', '.join(statuses)}, though the receiver stored {stored}."
    good = result.outcome == "delivered" and result.intact
    lines = [words("strong", strong), escape(f" {tried} of simulated time.")]
    if result.expectation is None:
        lines.append(words("p", "The scenario expects nothing in particular of this policy.", "note"))
    elif result.as_expected:
        lines.append(words("p", "That is what the scenario expects.", "note"))
    lines += [words("p", f"The scenario expects otherwise: {sentence}") for sentence in result.unmet]
    return tag("div", "".join(lines), f"verdict {'good' if good else 'bad'}")


def steps(result: RunResult) -> str:
    """The fifteen steps of KB818222 in the last attempt at the first message."""
    rows = []
    for row in result.steps:
        kind, sign = _SIGNS[row.state]
        cells = (
            words("span", str(int(row.step)), "number") + words("span", sign, "sign") + words("span", TITLES[row.step])
        )
        rows.append(tag("li", cells, kind))
    return tag("ol", "".join(rows), "steps")


def conversations(result: RunResult, ladders: Sequence[Ladder], missed: int) -> str:
    """The ladders; under each the name of the connection that it shows."""
    scenario = result.scenario
    sender, receiver = f"sender {scenario.sender.host}", f"receiver {scenario.receiver.host}"
    parts = []
    for ladder in ladders[:MOST_LADDERS]:
        began = ladder.rows[0].time if ladder.rows else 0.0
        parts.append(words("h3", f"Connection {ladder.number}, at {span(began)}"))
        drawn = ladder_drawing.draw(ladder, sender, f"firewall: {result.firewall}", receiver)
        parts.append(tag("figure", drawn))
    left = len(ladders) - MOST_LADDERS
    if left > 0:
        parts.append(
            words("p", f"{counted(left, 'more connection', 'more connections')} differ and are not drawn.", "note")
        )
    if missed:
        parts.append(words("p", f"{counted(missed, 'connection was', 'connections were')} too large to keep.", "note"))
    parts.append(_transcripts(result))
    return "".join(parts)


def _transcripts(result: RunResult) -> str:
    attempts = [timed for fate in result.fates for timed in fate.attempts]
    if not attempts:
        return ""
    first = attempts[0].attempt.lines
    return folded("The first attempt as text, as the sender saw it", tag("pre", _lines(first), "transcript"))


def _lines(lines: Sequence[Said]) -> str:
    return "\n".join(words("span", f"{said.direction} {said.text}", _DIRECTIONS[said.direction]) for said in lines)


def event_logs(result: RunResult) -> str:
    """The entries of each host; entries that say the same are shown once, with the times of all."""
    parts = []
    for host, title in _HOSTS.items():
        own = [entry for entry in result.eventlog if entry.host == host]
        if not own:
            continue
        parts.append(words("h3", f"{title}, {own[0].computer}"))
        for _, alike in groupby(sorted(own, key=_saying), key=_saying):
            parts.append(_entry(sorted(alike, key=lambda entry: entry.time)))
    return "".join(parts)


def _saying(entry: Entry) -> tuple[int, str, bytes]:
    """What makes two entries alike: all but their date and the number of the connection in their text."""
    return (entry.event_id, "".join(char for char in entry.description if not char.isdigit()), entry.data)


def _entry(alike: list[Entry]) -> str:
    shown = words("pre", "\n".join(event_lines(alike[0])))
    more = [f"{us_date(entry.date)} {us_time(entry.date)}" for entry in alike[1:]]
    if more:
        named = ", ".join(more[:_MOST_TIMES]) + (", …" if len(more) > _MOST_TIMES else "")
        shown += words("p", f"{counted(len(more), 'more entry', 'more entries')} like it: {named}", "note")
    return tag("div", shown, "entry")


def notifications(result: RunResult) -> str:
    """NDRs and delay notices as their reader sees them, and whole."""
    parts = []
    for fate in result.fates:
        parts += [_notification(_NDR, one, fate.content) for one in fate.ndrs]
        parts += [_notification("Delay notice", one, fate.content) for one in fate.delays]
    return "".join(parts)


def _notification(title: str, notice: Notification, content: bytes) -> str:
    parsed = message_from_bytes(notice.eml)
    header = "\n".join(f"{name}: {parsed[name]}" for name in ("From", "To", "Date", "Subject"))
    text = ""
    status = []
    for part in parsed.walk():
        if part.get_content_type() == "text/plain" and not text:
            text = str(part.get_payload()).strip()
        if part.get_content_type() == "message/delivery-status":
            status = ["\n".join(f"{name}: {value}" for name, value in block.items()) for block in part.get_payload()]  # type: ignore[union-attr]  # a delivery-status holds messages
    inside = "unchanged" if content in notice.eml else "CHANGED"
    shown = "\n\n".join([header, text.replace("\r\n", "\n"), *(block for block in status if block)])
    outlook = "\n".join(outlook_lines(notice)) if title == _NDR else ""
    return (
        words("h3", f"{title}, at {span(notice.time)}")
        + words("pre", shown)
        + (words("p", "Outlook shows of it:", "note") + words("pre", outlook) if outlook else "")
        + words("p", f"The original message, {len(content)} octets, is attached {inside}.", "note")
        + folded("The whole message", words("pre", notice.eml.decode("latin-1").replace("\r\n", "\n")))
    )


def mailbox(result: RunResult) -> str:
    """What the receiver has, beside what was sent."""
    rows = []
    for stored in result.mailbox:
        same = "yes" if stored.content in result.messages else "NO"
        blob = "none" if stored.blob is None else f"{len(stored.blob)} octets"
        rows.append(
            [
                span(stored.time),
                escape(stored.verb),
                str(len(stored.content)),
                blob,
                "yes" if stored.tls else "no",
                same,
                words("code", stored.sha256),
            ]
        )
    names = ("Time", "By", "Octets", "XEXCH50 data", "TLS", "Equals what was sent", "SHA-256")
    parts = [table(names, rows, frozenset((2,)))] if rows else [words("p", "Nothing was stored.")]
    if result.orphaned_blobs:
        blobs = counted(result.orphaned_blobs, "blob", "blobs")
        parts.append(words("p", f"{blobs} of XEXCH50 reached the receiver without a message behind.", "note"))
    return "".join(parts)
