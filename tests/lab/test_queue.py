"""The queue, with a sender that fails as told: when it tries, what it says, how it ends."""

from __future__ import annotations

import asyncio
import random
from email import message_from_bytes

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dates import Calendar
from smtpguard.lab.events import Event, EventLog
from smtpguard.lab.ndr import Notifier
from smtpguard.lab.queue import Fate, Queue
from smtpguard.lab.schedule import Schedule
from smtpguard.lab.sender import Attempt, Envelope, Sender
from smtpguard.lab.steps import StepBoard
from tests.lab.hosts import START

ENVELOPE = Envelope("alice@example.com", ("bob@example.net",), b"Subject: x\r\n\r\nhello\r\n", b"blob")


class Failing(Sender):
    """Takes ``lasts`` seconds for an attempt and fails, until attempt ``good``."""

    def __init__(self, *, lasts: float = 0.0, good: int | None = None, reason: str = "no", permanent: bool = False):
        self.lasts = lasts
        self.good = good
        self.reason = reason
        self.permanent = permanent
        self.count = 0

    async def attempt(self, envelope: Envelope) -> Attempt:
        self.count += 1
        await asyncio.sleep(self.lasts)
        delivered = self.count == self.good
        return Attempt(delivered, self.permanent, "" if delivered else self.reason, StepBoard().states(), ())


def carry(sender: Sender, schedule: Schedule | None = None) -> tuple[Fate, tuple[Event, ...]]:
    async def main() -> tuple[Fate, tuple[Event, ...]]:
        loop = asyncio.get_running_loop()
        events = EventLog(loop.time)
        notifier = Notifier("mail1.example.com", random.Random(1))
        queue = Queue(sender, schedule or Schedule(), notifier, Calendar(START, loop.time), events)
        return await queue.run(ENVELOPE), events.ordered()

    return run_virtual(main)


def begun(fate: Fate) -> list[float]:
    return [timed.began for timed in fate.attempts]


def test_delivered_at_once() -> None:
    fate, events = carry(Failing(good=1))
    assert (fate.outcome, fate.ndr, fate.delay, begun(fate)) == ("delivered", None, None, [0.0])
    assert [event.event for event in events] == ["queued", "attempt", "delivered"]


def test_the_times_of_attempts_that_fail_at_once() -> None:
    fate, _ = carry(Failing())
    assert begun(fate) == [0, 60, 120, 180, 1080, 2880, 6480, *range(20_880, 172_800, 14_400)]
    assert fate.ndr is not None
    assert (fate.outcome, fate.ndr.time, fate.ndr.status) == ("ndr", 172_800.0, "4.4.7")


def test_pauses_count_from_the_end_of_an_attempt() -> None:
    fate, _ = carry(Failing(lasts=600))
    assert begun(fate)[:6] == [0, 660, 1320, 1980, 3480, 5880]
    assert len(fate.attempts) == 17


def test_the_delay_notice_comes_once_at_twelve_hours() -> None:
    fate, events = carry(Failing())
    assert [event.time for event in events if event.event == "delay-notice"] == [43_200.0]
    assert fate.delay is not None
    assert message_from_bytes(fate.delay.eml)["Subject"] == "Delivery Status Notification (Delay)"
    assert message_from_bytes(fate.delay.eml)["Date"] == "Thu, 25 Oct 2007 21:00:00 -0700"


def test_a_notice_due_during_an_attempt_waits_for_its_end() -> None:
    fate, _ = carry(Failing(lasts=600), Schedule(delay_notice=300))
    assert fate.delay is not None
    assert fate.delay.time == 600.0


def test_delivered_late_after_a_notice() -> None:
    fate, _ = carry(Failing(good=10))
    assert fate.outcome == "delivered"
    assert fate.delay is not None
    assert fate.ndr is None


def test_no_notice_when_the_message_expires_before_it() -> None:
    fate, _ = carry(Failing(), Schedule(delay_notice=1000, expiry=500))
    assert fate.delay is None
    assert fate.ndr is not None
    assert fate.ndr.time == 500.0


def test_an_attempt_under_way_at_expiry_is_not_cut_short() -> None:
    fate, _ = carry(Failing(lasts=600), Schedule(expiry=700))
    assert begun(fate) == [0, 660]
    assert fate.ndr is not None
    assert fate.ndr.time == 1260.0


def test_a_permanent_refusal_ends_it_with_its_own_status() -> None:
    fate, _ = carry(Failing(reason="550 5.7.1 Unable to relay for bob@example.net", permanent=True))
    assert fate.ndr is not None
    assert (len(fate.attempts), fate.ndr.status) == (1, "5.7.1")
    fate, _ = carry(Failing(reason="550 no", permanent=True))
    assert fate.ndr is not None
    assert fate.ndr.status == "5.0.0"


def test_attempts_are_bounded() -> None:
    fate, _ = carry(Failing(), Schedule(glitch_retry=0.001, glitch_retries=10_000, attempts_at_most=5))
    assert (fate.outcome, len(fate.attempts)) == ("ndr", 5)


def test_a_row_for_each_thing_that_happens() -> None:
    _, events = carry(Failing(reason="gone"), Schedule(glitch_retries=0, expiry=100))
    assert [(event.time, event.event, event.fields) for event in events] == [
        (0.0, "queued", {"domain": "example.net", "octets": 21}),
        (0.0, "attempt", {"number": 1, "state": "Active"}),
        (0.0, "attempt-failed", {"number": 1, "reason": "gone"}),
        (0.0, "retry", {"state": "Retry", "next": 100.0}),
        (100.0, "ndr", {"to": "alice@example.com", "status": "4.4.7"}),
    ]
