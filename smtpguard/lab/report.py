"""A run told to people: header, conversation, firewall, the fifteen steps, the queue, the NDR, the verdict.

Plain ASCII in lines that are never wrapped; colour only where the console has it (a pipe and NO_COLOR get none). Each
function writes one part, so that other tellings (the story) pick what they need.
"""

from __future__ import annotations

from email import message_from_bytes

from rich.console import Console
from rich.text import Text

from smtpguard.lab.dates import span
from smtpguard.lab.events import Event
from smtpguard.lab.result import RunResult
from smtpguard.lab.steps import TITLES, State
from smtpguard.lab.transcript import Direction, Said

_COLOURS: dict[Direction, str] = {"-->": "cyan", "<--": "green", "---": "bold yellow"}
_STATES: dict[State, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "failed": ("FAILED", "bold red"),
    "not reached": ("-", "dim"),
}
_HEADER_FIELDS = ("From", "To", "Date", "Subject")
_HIDDEN = ("session", "client", "server")


def line(console: Console, text: str = "", style: str = "") -> None:
    """Print one line as it is."""
    console.print(Text(text, style=style), soft_wrap=True)


def heading(console: Console, text: str) -> None:
    """Print a part's title, with a blank line before it."""
    line(console)
    line(console, text, "bold")


def tell(console: Console, result: RunResult) -> None:
    """The whole report of one run."""
    header(console, result)
    heading(console, "The conversation of the first attempt, as the sender saw it")
    conversation(console, result.fate.attempts[0].attempt.lines)
    if not result.without_firewall:
        heading(console, "What the firewall did in it")
        decisions(console, result)
    heading(console, "The fifteen steps of KB818222 in the last attempt")
    steps(console, result)
    heading(console, "The sender's queue")
    queue(console, result)
    if result.fate.ndr is not None:
        heading(console, "The non-delivery report")
        ndr(console, result)
    line(console)
    verdict(console, result)


def header(console: Console, result: RunResult) -> None:
    """Who sends what to whom, and through what."""
    scenario = result.scenario
    line(console, f"{scenario.source}: {scenario.title}", "bold")
    recipients = ", ".join(scenario.sender.recipients)
    line(console, f"  mail      {scenario.sender.address} to {recipients}, {len(result.sent)} octets")
    line(console, f"  sender    {scenario.sender.host}, an Exchange-like queue and SMTP client")
    if result.without_firewall:
        line(console, "  firewall  none")
    else:
        summary = f" ({result.firewall_summary})" if result.firewall_summary else ""
        line(console, f"  firewall  {result.firewall}{summary}")
    line(console, f"  receiver  {scenario.receiver.host}, {result.receiver_summary}")


def conversation(console: Console, lines: tuple[Said, ...]) -> None:
    """The lines of one attempt."""
    for said in lines:
        line(console, f"  {said.direction} {said.text}", _COLOURS[said.direction])


def decisions(console: Console, result: RunResult) -> None:
    """What rules of the policy did during the first attempt, and how often in all."""
    first_end = result.fate.attempts[0].ended
    decided = [event for event in result.events if event.host == "firewall" and "rule" in event.fields]
    shown = [event for event in decided if event.time <= first_end]
    for event in shown:
        line(console, f"  {span(event.time)}  {_fields(event)}", "magenta")
    if not decided:
        line(console, "  nothing: no rule applied")
    elif len(decided) > len(shown):
        line(console, f"  and so on: {len(decided)} decisions in {len(result.fate.attempts)} attempts")


def _fields(event: Event) -> str:
    pairs = (f"{name}={value}" for name, value in event.fields.items() if name not in _HIDDEN)
    return " ".join([event.event, *pairs])


def steps(console: Console, result: RunResult) -> None:
    """The fifteen steps with their states."""
    for row in result.fate.attempts[-1].attempt.steps:
        word, colour = _STATES[row.state]
        line(console, f"  {row.step:2}  {word:6}  {TITLES[row.step]}", colour)


def queue(console: Console, result: RunResult) -> None:
    """Attempts and notifications in the order of simulated time."""
    rows: list[tuple[float, str, str]] = []
    for number, timed in enumerate(result.fate.attempts, 1):
        if timed.attempt.delivered:
            rows.append((timed.ended, f"attempt {number:2}: delivered", "green"))
        else:
            rows.append((timed.ended, f"attempt {number:2}, begun {span(timed.began)}: {timed.attempt.reason}", "red"))
    if result.fate.delay is not None:
        rows.append((result.fate.delay.time, f"delay notice to {result.scenario.sender.address}", "yellow"))
    if result.fate.ndr is not None:
        rows.append((result.fate.ndr.time, f"given up: NDR to {result.scenario.sender.address}", "bold red"))
    for moment, text, colour in sorted(rows, key=lambda row: row[0]):
        line(console, f"  {span(moment):>11}  {text}", colour)


def ndr(console: Console, result: RunResult) -> None:
    """The NDR's header and delivery status; of the message inside only its size."""
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


def verdict(console: Console, result: RunResult) -> None:
    """One line on the outcome, one on the octets, one on what was expected."""
    count = len(result.fate.attempts)
    attempts = "1 attempt" if count == 1 else f"{count} attempts"
    if result.outcome == "delivered":
        line(console, f"Delivered after {attempts}, simulated time {span(result.simulated_seconds)}.", "bold green")
        octets(console, result)
    else:
        status = result.fate.ndr.status if result.fate.ndr is not None else ""
        when = span(result.simulated_seconds)
        line(console, f"Not delivered: {attempts} in {when} of simulated time, then an NDR ({status}).", "bold red")
    if result.expected is None:
        line(console, "The scenario expects nothing in particular of this policy.", "dim")
    elif result.as_expected:
        line(console, "That is what the scenario expects.", "dim")
    else:
        line(console, f"The scenario expects: {result.expected}.", "bold red")


def octets(console: Console, result: RunResult) -> None:
    """Whether what was delivered is what was sent, with the digests that were compared."""
    line(console, f"  sent       sha256 {result.sent_sha256}, {len(result.sent)} octets")
    for message in result.mailbox:
        line(console, f"  delivered  sha256 {message.sha256}, {len(message.content)} octets, by {message.verb}")
    if result.intact:
        line(console, "  The octets of the delivered message equal the octets sent.", "green")
    else:
        line(console, "  The octets of the delivered message differ from the octets sent.", "bold red")
