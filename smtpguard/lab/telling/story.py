"""KB818222 in three acts: without a firewall, with one that eats the blob, and with the cure."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from smtpguard.lab.result import RunResult
from smtpguard.lab.run import run_scenario
from smtpguard.lab.scenario.file import load_scenario
from smtpguard.lab.scenario.model import NO_FIREWALL
from smtpguard.lab.telling import report
from smtpguard.lab.telling.progress import SimulatedDays
from smtpguard.lab.telling.transcript import Said
from smtpguard.smtp.keywords import keyword_name

SCENARIO = "kb818222"

_KEPT = frozenset({"CHUNKING", "XEXCH50", "OK"})  # of the EHLO list; the rest is counted


@dataclass(frozen=True, slots=True)
class Act:
    """One run and the words before it."""

    title: str
    lead: str
    firewall: str


ACTS = (
    Act(
        "Act 1: no firewall",
        "Two Exchange servers speak directly. The receiver offers XEXCH50, so the sender hands over 1020 octets of\n"
        "message properties before the message itself.",
        NO_FIREWALL,
    ),
    Act(
        "Act 2: a firewall that eats the blob",
        "The same mail through a firewall that lets the verb pass and swallows the binary data behind it. The sender\n"
        "waits ten minutes for an acknowledgement, tries again, and again, for two days.",
        "eat-blob",
    ),
    Act(
        "Act 3: the cure",
        "The same mail through a firewall that takes the keyword out of the EHLO list. The sender never uses the\n"
        "verb, and there is no blob to lose.",
        "strip-xexch50",
    ),
)


BEFORE = (
    "Exchange servers add verbs of their own to SMTP. Microsoft's article KB818222 tells of mail that comes back\n"
    "after two days because a firewall in the path does not know one of them, XEXCH50. It is played here between\n"
    "programs on this machine: --> is what the sender says, <-- what it hears."
)
AFTERWARDS = "Try another: {0} lab run kb818222 --firewall eat-ack ({0} policy list shows them all)."


def tell_story(console: Console, message: bytes, program: str) -> bool:
    """Play the three acts with ``message``; whether each ended as it should. ``program`` is what a reader can type."""
    for text in BEFORE.splitlines():
        report.line(console, text)
    endings = [_play(console, act, message) for act in ACTS]
    report.line(console)
    report.line(console, AFTERWARDS.format(program))
    return all(endings)


def _play(console: Console, act: Act, message: bytes) -> bool:
    scenario = load_scenario(SCENARIO)
    report.heading(console, act.title)
    for text in act.lead.splitlines():
        report.line(console, text)
    report.line(console)
    with SimulatedDays(scenario.schedule.expiry) as days:
        result = run_scenario(scenario, act.firewall, message, days.watch)
    _tell(console, result)
    return result.as_expected


def _tell(console: Console, result: RunResult) -> None:
    report.conversation(console, _shortened(result.fate.attempts[0].attempt.lines))
    if result.outcome == "ndr":
        report.heading(console, "What the firewall did")
        report.decisions(console, result)
        report.heading(console, "The fifteen steps of KB818222")
        report.steps(console, result)
        report.heading(console, "The sender's queue")
        report.queue(console, result)
        report.heading(console, "The non-delivery report")
        report.ndr(console, result)
    report.line(console)
    report.verdict(console, result)


def _shortened(lines: tuple[Said, ...]) -> tuple[Said, ...]:
    """The conversation with the keywords of the EHLO reply that play no part here counted instead of shown."""
    kept: list[Said] = []
    dropped = 0
    for said in lines:
        inside = said.direction == "<--" and said.text.startswith("250-")
        greeting = " Hello [" in said.text
        if inside and not greeting and keyword_name(said.text.encode("ascii")) not in _KEPT:
            dropped += 1
            continue
        if dropped:
            kept.append(Said(said.time, "<--", f"     ({dropped} other keywords)"))
            dropped = 0
        kept.append(said)
    return tuple(kept)
