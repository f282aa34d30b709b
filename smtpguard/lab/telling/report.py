"""A run told to people: header, conversation, firewall, the fifteen steps, the queue, the NDR, the verdict.

Plain ASCII in lines that are never wrapped; colour only where the console has it (a pipe and NO_COLOR get none). Each
function writes one part, so that other tellings (the story) pick what they need.
"""

from __future__ import annotations

from collections import Counter
from email import message_from_bytes

from rich.console import Console
from rich.text import Text

from smtpguard.lab.eventlog.viewer import print_entries
from smtpguard.lab.events import Event
from smtpguard.lab.queue.fate import Fate
from smtpguard.lab.queue.viewer import QueueRow
from smtpguard.lab.result import RunResult
from smtpguard.lab.sender.steps import TITLES, State
from smtpguard.lab.telling.outlook import outlook_lines
from smtpguard.lab.telling.transcript import Direction, Said
from smtpguard.pages.wording import span

_COLOURS: dict[Direction, str] = {"-->": "cyan", "<--": "green", "---": "bold yellow"}
_STATES: dict[State, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "failed": ("FAILED", "bold red"),
    "not reached": ("-", "dim"),
}
_HEADER_FIELDS = ("From", "To", "Date", "Subject")
_VIEWER_LINES = 6  # of the first and of the last changes that are shown of many
_VIEWER_COLOURS = {"Active": "cyan", "Retry": "red"}
_DIGESTS = 20
_HIDDEN = ("session", "client", "server")


def line(console: Console, text: str = "", style: str = "") -> None:
    """Print one line as it is."""
    console.print(Text(text, style=style), soft_wrap=True)


def heading(console: Console, text: str) -> None:
    """Print a part's title, with a blank line before it."""
    line(console)
    line(console, text, "bold")


def tell(console: Console, result: RunResult, *, whole_eventlog: bool = False) -> None:
    """The whole report of one run; with ``whole_eventlog`` each entry as Event Viewer shows it."""
    header(console, result)
    if result.fate.attempts:
        heading(console, "The conversation of the first attempt, as the sender saw it")
        conversation(console, result.fate.attempts[0].attempt.lines)
    if not result.without_firewall:
        heading(console, "What the firewall did in it")
        decisions(console, result)
    heading(console, "The fifteen steps of KB818222 in the last attempt")
    steps(console, result)
    heading(console, "The sender's queue")
    queue(console, result)
    heading(console, "Queue Viewer on the sender")
    queue_viewer(console, result)
    heading(console, "The event logs")
    event_logs(console, result)
    if whole_eventlog and result.eventlog:
        line(console)
        print_entries(result.eventlog, console)
    if result.fate.ndr is not None:
        heading(console, "The non-delivery report")
        ndr(console, result)
    line(console)
    verdict(console, result)


def header(console: Console, result: RunResult) -> None:
    """Who sends what to whom, and through what."""
    scenario = result.scenario
    line(console, f"{scenario.name}: {scenario.title}", "bold")
    if scenario.source:
        line(console, f"  source    {scenario.source}")
    recipients = ", ".join(scenario.sender.recipients)
    copies = "" if len(result.messages) == 1 else f", {len(result.messages)} times"
    line(console, f"  mail      {scenario.sender.address} to {recipients}, {len(result.sent)} octets{copies}")
    system = (
        "an Exchange-like queue and SMTP client" if scenario.sender.xexch50 else "a queue and SMTP client, no X- verbs"
    )
    line(console, f"  sender    {scenario.sender.host}, {system}")
    if result.without_firewall:
        line(console, "  firewall  none")
    else:
        summary = f" ({result.firewall_summary})" if result.firewall_summary else ""
        line(console, f"  firewall  {result.firewall}{summary}")
    line(console, f"  receiver  {scenario.receiver.host}, {result.receiver_summary}")
    if scenario.about:
        line(console)
    for text in scenario.about.splitlines():
        line(console, f"  {text}", "italic")


def conversation(console: Console, lines: tuple[Said, ...]) -> None:
    """The lines of one attempt."""
    for said in lines:
        line(console, f"  {said.direction} {said.text}", _COLOURS[said.direction])


def decisions(console: Console, result: RunResult) -> None:
    """What rules of the policy did during the first attempt, and how often in all."""
    attempts = result.fate.attempts
    first_end = attempts[0].ended if attempts else 0.0
    decided = [event for event in result.events if event.host == "firewall" and "rule" in event.fields]
    shown = [event for event in decided if event.time <= first_end]
    for event in shown:
        line(console, f"  {span(event.time)}  {_fields(event)}", "magenta")
    if not decided:
        line(console, "  nothing: no rule applied")
    elif len(decided) > len(shown):
        line(console, f"  and so on: {len(decided)} decisions in {len(attempts)} attempts")


def _fields(event: Event) -> str:
    pairs = (f"{name}={value}" for name, value in event.fields.items() if name not in _HIDDEN)
    return " ".join([event.event, *pairs])


def steps(console: Console, result: RunResult) -> None:
    """The fifteen steps with their states."""
    for row in result.steps:
        word, colour = _STATES[row.state]
        line(console, f"  {row.step:2}  {word:6}  {TITLES[row.step]}", colour)


def queue(console: Console, result: RunResult) -> None:
    """Attempts and notifications in the order of simulated time."""
    rows: list[tuple[float, str, str]] = []
    for message, fate in enumerate(result.fates, 1):
        which = f"message {message}, " if len(result.fates) > 1 else ""
        rows += [(moment, f"{which}{text}", colour) for moment, text, colour in _queue_rows(result, fate)]
    for moment, text, colour in sorted(rows, key=lambda row: row[0]):
        line(console, f"  {span(moment):>11}  {text}", colour)


def _queue_rows(result: RunResult, fate: Fate) -> list[tuple[float, str, str]]:
    rows: list[tuple[float, str, str]] = []
    for number, timed in enumerate(fate.attempts, 1):
        if timed.attempt.delivered:
            rows.append((timed.ended, f"attempt {number:2}: delivered", "green"))
        else:
            rows.append((timed.ended, f"attempt {number:2}, begun {span(timed.began)}: {timed.attempt.reason}", "red"))
    author = result.scenario.sender.address
    if fate.delay is not None:
        rows.append((fate.delay.time, f"delay notice to {author}", "yellow"))
    if fate.ndr is not None:
        rows.append((fate.ndr.time, f"given up: NDR to {author}", "bold red"))
    return rows


def queue_viewer(console: Console, result: RunResult) -> None:
    """Queue Viewer's columns, one line a change; the first lines and the last where there are many."""
    line(
        console,
        f"  {'time':>11}  {'state':8} {'total':>5} {'KB':>6}  {'next retry':>11}  additional information",
        "bold",
    )
    rows = result.timeline
    shown = rows if len(rows) <= 2 * _VIEWER_LINES else rows[:_VIEWER_LINES]
    for row in shown:
        _viewer_line(console, row)
    if len(shown) < len(rows):
        line(console, f"  {'...':>11}  {len(rows) - 2 * _VIEWER_LINES} more changes of this kind", "dim")
        for row in rows[-_VIEWER_LINES:]:
            _viewer_line(console, row)


def _viewer_line(console: Console, row: QueueRow) -> None:
    retry = "" if row.next_retry is None else span(row.next_retry)
    text = f"  {span(row.time):>11}  {row.state:8} {row.messages:5} {row.kilobytes:6}  {retry:>11}  {row.information}"
    line(console, text.rstrip(), _VIEWER_COLOURS.get(row.state, ""))


def event_logs(console: Console, result: RunResult) -> None:
    """What the hosts' event logs hold: one line for each kind of entry."""
    kinds = Counter((entry.computer, entry.source, entry.event_id, entry.type) for entry in result.eventlog)
    if not kinds:
        line(console, "  no entries")
    for (computer, source, number, kind), count in kinds.items():
        times = "once" if count == 1 else f"{count} times"
        line(console, f"  {computer}: {kind} {number} of {source}, {times}", "magenta")


def ndr(console: Console, result: RunResult) -> None:
    """The NDR's header and delivery status, of the message inside only its size; and what Outlook makes of it."""
    notification = result.fate.ndr
    if notification is None:
        return
    parsed = message_from_bytes(notification.eml)
    for name in _HEADER_FIELDS:
        line(console, f"  {name}: {parsed[name]}")
    for part in parsed.walk():
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in part.get_payload():
            line(console)
            for name, value in block.items():  # type: ignore[union-attr]  # a delivery-status holds messages
                line(console, f"  {name}: {value}")
    line(console)
    state = "unchanged" if result.sent in notification.eml else "CHANGED"
    line(console, f"  [the original message, {len(result.sent)} octets, {state}]")
    for number, text in enumerate(outlook_lines(notification)):
        if number == 0:
            line(console)
            line(console, "  Outlook shows of it:")
        line(console, f"    {text}")


def verdict(console: Console, result: RunResult) -> None:
    """One line on the outcome, one on the octets, one on what was expected."""
    count = len(result.fate.attempts)
    attempts = "1 attempt" if count == 1 else f"{count} attempts"
    if len(result.fates) > 1:
        delivered = sum(fate.outcome == "delivered" for fate in result.fates)
        line(console, f"Of {len(result.fates)} messages {delivered} were delivered. The first one:", "bold")
    if result.outcome == "lost":
        line(console, f"Lost after {attempts}: acknowledged, and the receiver has not got it.", "bold red")
    elif result.fate.outcome == "delivered":
        line(console, f"Delivered after {attempts}, simulated time {span(result.simulated_seconds)}.", "bold green")
    else:
        status = result.fate.ndr.status if result.fate.ndr is not None else ""
        when = span(result.simulated_seconds)
        line(console, f"Not delivered: {attempts} in {when} of simulated time, then an NDR ({status}).", "bold red")
    if result.outcome == "delivered":
        octets(console, result)
    for lost in _losses(result):
        line(console, lost, "bold yellow")
    if result.as_expected:
        nothing = "The scenario expects nothing in particular of this policy."
        line(console, nothing if result.expected is None else "That is what the scenario expects.", "dim")
    for sentence in result.unmet:
        line(console, f"Not as the scenario expects: {sentence}.", "bold red")


def _losses(result: RunResult) -> list[str]:
    """What a delivery came without, though the settings of the two hosts would have given it."""
    said = []
    if any(event.event in ("starttls-not-offered", "starttls-refused") for event in result.events) and result.mailbox:
        said.append("The message went over the wire in clear: the sender would have encrypted, and found no STARTTLS.")
    inside = result.scenario.sender.internal(result.scenario.receiver.domains[0])
    if inside and result.mailbox and not result.properties_arrived:
        said.append("It came without its XEXCH50 properties: public-folder replication stops here.")
    if len(result.mailbox) > len(result.messages):
        said.append(f"The recipients have {len(result.mailbox)} copies of {len(result.messages)}.")
    return said


def octets(console: Console, result: RunResult) -> None:
    """Whether what was delivered is what was sent, with the digests that were compared."""
    line(console, f"  sent       sha256 {result.sent_sha256}, {len(result.sent)} octets")
    for message in result.mailbox[:_DIGESTS]:
        line(console, f"  delivered  sha256 {message.sha256}, {len(message.content)} octets, by {message.verb}")
    if result.intact:
        line(console, "  The octets of the delivered message equal the octets sent.", "green")
    else:
        line(console, "  The octets of the delivered message differ from the octets sent.", "bold red")
