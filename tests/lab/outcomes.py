"""Results of runs written by hand, for tests of what is made of them."""

from __future__ import annotations

import random
from dataclasses import replace

from smtpguard.lab.dates import Calendar
from smtpguard.lab.eventlog.entries import entries
from smtpguard.lab.events import Event
from smtpguard.lab.queue.fate import Fate, Notification, TimedAttempt
from smtpguard.lab.queue.ndr import Notifier, Undelivered
from smtpguard.lab.queue.viewer import QueueRow
from smtpguard.lab.receiver.mailbox import StoredMessage
from smtpguard.lab.result import RunResult
from smtpguard.lab.scenario.file import load_scenario
from smtpguard.lab.scenario.model import NO_FIREWALL, Scenario
from smtpguard.lab.sender.attempt import Attempt
from smtpguard.lab.sender.steps import Step, StepBoard
from smtpguard.lab.telling.transcript import Said

MESSAGE = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: <b>figures</b>\r\n\r\nHello & goodbye.\r\n"
SILENT = "The remote host did not answer within 600 seconds."


def scenario() -> Scenario:
    """KB818222 itself."""
    return load_scenario("kb818222")


def attempt(began: float, ended: float, *, delivered: bool) -> TimedAttempt:
    """An attempt that failed at step 13, or did not."""
    board = StepBoard()
    for step in Step:
        board.ok(step)
    if not delivered:
        board.failed(Step.ACKNOWLEDGED)
    lines = (Said(began, "-->", "EHLO <mail1>"), Said(began, "<--", "250 OK"), Said(ended, "---", "it ended"))
    reason = "" if delivered else SILENT
    return TimedAttempt(began, ended, Attempt(delivered, False, reason, board.states(), lines, connection=1))


def delivered() -> RunResult:
    """No firewall, one attempt."""
    fate = Fate("delivered", (attempt(0.0, 0.0, delivered=True),), (), (), MESSAGE, ("b@example.net",), ())
    stored = StoredMessage("a@example.com", ("b@example.net",), MESSAGE, b"\x00" * 1020, "BDAT", "<1@x>", 0.0)
    rows = (
        QueueRow(0.0, "example.net", "Active", 0.0, 1, len(MESSAGE), None, ""),
        QueueRow(0.0, "example.net", "Ready", None, 0, 0, None, ""),
    )
    return RunResult(scenario(), NO_FIREWALL, "", "Exchange", (fate,), rows, (MESSAGE,), (stored,), 0, (), ())


def bounced() -> RunResult:
    """The blob eaten, two attempts, delay notice and NDR, an entry in the firewall's log an attempt."""
    chosen = scenario()
    tried = (attempt(0.0, 600.0, delivered=False), attempt(660.0, 1260.0, delivered=False))
    calendar = Calendar(chosen.start, lambda: 0.0)
    notifier = Notifier(chosen.sender.host, random.Random(1))
    mail = Undelivered("a@example.com", ("b@example.net",), MESSAGE, chosen.start)
    delay = Notification(43200.0, "4.4.7", notifier.delay(mail, calendar.at(43200.0), calendar.at(172800.0)))
    ndr = Notification(172800.0, "4.4.7", notifier.failure(mail, calendar.at(172800.0)))
    fate = Fate("ndr", tried, (delay,), (ndr,), MESSAGE, (), ("b@example.net",))
    octets = len(MESSAGE)
    rows = (
        QueueRow(0.0, "example.net", "Active", 0.0, 1, octets, None, ""),
        QueueRow(600.0, "example.net", "Retry", 0.0, 1, octets, 660.0, SILENT),
        QueueRow(660.0, "example.net", "Active", 0.0, 1, octets, None, ""),
        QueueRow(1260.0, "example.net", "Retry", 0.0, 1, octets, 2160.0, SILENT),
        QueueRow(172800.0, "example.net", "Ready", None, 0, 0, None, ""),
    )
    decision = {
        "session": "1",
        "rule": "eat-blob",
        "action": "eat",
        "where": "payload",
        "verb": "XEXCH50",
        "size": 1020,
        "event_id": 20031,
    }
    events = tuple(Event(time, "firewall", "payload-eaten", decision) for time in (0.0, 660.0))
    log = entries(events, calendar, {"firewall": "fw1.example.net"})
    summary = "Eats the blob"
    return RunResult(chosen, "eat-blob", summary, "Exchange", (fate,), rows, (MESSAGE,), (), 0, events, log)


def with_copies(result: RunResult, count: int) -> RunResult:
    """The same with the message queued ``count`` times."""
    return replace(result, fates=result.fates * count, messages=result.messages * count)
