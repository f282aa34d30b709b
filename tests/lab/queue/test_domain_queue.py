"""One queue, with a sender that fails as told: when it tries, in which order, what it says, how it ends."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, replace
from email import message_from_bytes

import pytest

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dates import Calendar
from smtpguard.lab.events import Event, EventLog
from smtpguard.lab.queue.domain_queue import Queue
from smtpguard.lab.queue.message import QueuedMessage
from smtpguard.lab.queue.ndr import Notifier
from smtpguard.lab.queue.notices import Notices
from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.queue.viewer import QueueRow, QueueViewer
from smtpguard.lab.sender.attempt import Attempt, Refusal
from smtpguard.lab.sender.envelope import Envelope
from smtpguard.lab.sender.server import Feed, Sender
from smtpguard.lab.sender.steps import StepBoard
from smtpguard.lab.sender.wire import DROPPED
from tests.lab.hosts import START

CONTENT = b"Subject: x\r\n\r\nhello\r\n"
FAILED = Attempt(False, False, "no", StepBoard().states(), (), lost=True)
REFUSED = replace(FAILED, begun=True, lost=False)


class Failing(Sender):
    """Takes ``lasts`` seconds for a message and lets it end as ``failure``; a message's attempt ``good`` delivers it.

    ``bad``: only this message fails. ``order``: the messages of each connection as they were handed out.
    """

    def __init__(
        self, failure: Attempt = FAILED, *, lasts: float = 0.0, good: int | None = None, bad: bytes | None = None
    ) -> None:
        self.failure = failure
        self.lasts = lasts
        self.good = good
        self.bad = bad
        self.order: list[list[bytes]] = []
        self.count = 0

    async def connect(self, domain: str, feed: Feed) -> None:
        self.order.append([])
        while (envelope := feed.next()) is not None:
            self.order[-1].append(envelope.content)
            self.count += 1
            await asyncio.sleep(self.lasts)
            attempt = self._ending(envelope)
            feed.settle(attempt)
            if attempt.lost:
                return

    def _ending(self, envelope: Envelope) -> Attempt:
        if self.count == self.good or self.bad not in (None, envelope.content):
            return Attempt(True, False, "", StepBoard().states(), (), accepted=envelope.recipients, begun=True)
        refused = tuple(replace(refusal, recipient=envelope.recipients[0]) for refusal in self.failure.refused)
        return replace(self.failure, refused=refused)


@dataclass(frozen=True)
class Carried:
    """What one queue came to."""

    messages: list[QueuedMessage]
    events: tuple[Event, ...]
    rows: tuple[QueueRow, ...]

    @property
    def begun(self) -> list[float]:
        """When the attempts at the first message began."""
        return [timed.began for timed in self.messages[0].attempts]

    def times(self, name: str) -> list[float]:
        """When the event ``name`` happened."""
        return [event.time for event in self.events if event.event == name]


def carry(sender: Sender, schedule: Schedule | None = None, contents: tuple[bytes, ...] = (CONTENT,)) -> Carried:
    async def main() -> Carried:
        loop = asyncio.get_running_loop()
        events = EventLog(loop.time)
        viewer = QueueViewer(loop.time)
        notices = Notices(Notifier("mail1.example.com", random.Random(1)), Calendar(START, loop.time), events)
        queue = Queue("example.net", sender, schedule or Schedule(), notices, events, viewer)
        messages = [
            QueuedMessage(number, Envelope("alice@example.com", ("bob@example.net",), content, b""), loop.time())
            for number, content in enumerate(contents, 1)
        ]
        await queue.run(messages)
        return Carried(messages, events.ordered(), viewer.rows())

    return run_virtual(main)


def test_delivered_at_once() -> None:
    made = carry(Failing(good=1))
    message = made.messages[0]
    assert (message.delivered, message.ndrs, message.delays, made.begun) == (["bob@example.net"], [], [], [0.0])
    assert [event.event for event in made.events] == ["queued", "attempt", "delivered"]


def test_the_times_of_attempts_that_fail_at_once() -> None:
    made = carry(Failing())
    assert made.begun == [0, 60, 120, 180, 1080, 2880, 6480, *range(20_880, 172_800, 14_400)]
    assert [(ndr.time, ndr.status) for ndr in made.messages[0].ndrs] == [(172_800.0, "4.4.7")]


def test_pauses_count_from_the_end_of_an_attempt() -> None:
    made = carry(Failing(lasts=600))
    assert made.begun[:6] == [0, 660, 1320, 1980, 3480, 5880]
    assert len(made.begun) == 17


def test_the_delay_notice_comes_once_at_twelve_hours() -> None:
    made = carry(Failing())
    assert made.times("delay-notice") == [43_200.0]
    notice = message_from_bytes(made.messages[0].delays[0].eml)
    assert notice["Subject"] == "Delivery Status Notification (Delay)"
    assert notice["Date"] == "Thu, 25 Oct 2007 21:00:00 -0700"


def test_a_notice_due_during_an_attempt_waits_for_its_end() -> None:
    made = carry(Failing(lasts=600), Schedule(delay_notice=300))
    assert made.times("delay-notice") == [600.0]


def test_delivered_late_after_a_notice() -> None:
    message = carry(Failing(good=10)).messages[0]
    assert (len(message.delays), message.ndrs, message.delivered) == (1, [], ["bob@example.net"])


def test_no_notice_when_the_message_expires_before_it() -> None:
    message = carry(Failing(), Schedule(delay_notice=1000, expiry=500)).messages[0]
    assert (message.delays, [ndr.time for ndr in message.ndrs]) == ([], [500.0])


def test_an_attempt_under_way_at_expiry_is_not_cut_short() -> None:
    made = carry(Failing(lasts=600), Schedule(expiry=700))
    assert made.begun == [0, 660]
    assert made.times("ndr") == [1260.0]


@pytest.mark.parametrize(
    ("reply", "status"), [("550 5.7.1 Unable to relay for bob@example.net", "5.7.1"), ("550 no", "5.0.0")]
)
def test_a_permanent_refusal_ends_it_with_its_own_status(reply: str, status: str) -> None:
    made = carry(Failing(replace(REFUSED, permanent=True, reason=reply, refused=(Refusal("", 550, reply),))))
    assert (len(made.begun), made.messages[0].ndrs[0].status, made.times("ndr")) == (1, status, [0.0])


def test_a_permanent_failure_of_the_connection() -> None:
    made = carry(Failing(replace(FAILED, permanent=True, status="5.1.2")), contents=(b"a", b"b"))
    assert made.times("ndr") == [0.0, 0.0]
    assert [message.ndrs[0].status for message in made.messages] == ["5.1.2", "5.1.2"]


def test_attempts_are_bounded() -> None:
    made = carry(Failing(), Schedule(glitch_retry=0.001, glitch_retries=10_000, attempts_at_most=5))
    assert (len(made.begun), len(made.messages[0].ndrs)) == (5, 1)


def test_a_record_for_each_thing_that_happens() -> None:
    made = carry(Failing(), Schedule(glitch_retries=0, expiry=100))
    known = {"message": 1, "domain": "example.net"}
    assert [(event.time, event.event, event.fields) for event in made.events] == [
        (0.0, "queued", {"octets": 21} | known),
        (0.0, "attempt", {"number": 1, "state": "Active"} | known),
        (0.0, "attempt-failed", {"number": 1, "reason": "no", "connection": 0} | known),
        (0.0, "retry", {"state": "Retry", "next": 100.0, "domain": "example.net"}),
        (100.0, "ndr", {"to": "alice@example.com", "status": "4.4.7", "message": 1, "recipients": ["bob@example.net"]}),
    ]


def test_queue_viewer_over_time() -> None:
    made = carry(Failing(replace(FAILED, reason=DROPPED), good=3))
    assert [(row.time, row.state, row.messages, row.kilobytes, row.next_retry) for row in made.rows] == [
        (0.0, "Ready", 1, 1, None),
        (0.0, "Active", 1, 1, None),
        (0.0, "Retry", 1, 1, 60.0),
        (60.0, "Active", 1, 1, None),
        (60.0, "Retry", 1, 1, 120.0),
        (120.0, "Active", 1, 1, None),
        (120.0, "Active", 0, 0, None),
        (120.0, "Ready", 0, 0, None),
    ]
    assert {row.information for row in made.rows if row.state == "Retry"} == {DROPPED}
    assert {row.oldest_submission for row in made.rows if row.messages} == {0.0}


LOST = replace(FAILED, begun=True)


def test_a_message_that_failed_twice_goes_behind_the_others() -> None:
    sender = Failing(LOST, bad=b"bad")
    made = carry(sender, Schedule(expiry=10_000), contents=(b"bad", b"two", b"three"))
    assert sender.order[:3] == [[b"bad"], [b"bad"], [b"two", b"three", b"bad"]]
    assert made.times("demoted") == [60.0]
    assert made.times("delivered") == [120.0, 120.0]
    assert [bool(message.ndrs) for message in made.messages] == [True, False, False]


def test_what_was_delivered_starts_the_schedule_anew() -> None:
    made = carry(Failing(LOST, bad=b"bad"), Schedule(expiry=1_000_000), contents=(b"bad", b"two"))
    assert made.begun[:7] == [0, 60, 120, 180, 240, 300, 1200]


def test_with_zero_it_blocks_the_queue() -> None:
    sender = Failing(LOST, bad=b"bad")
    made = carry(sender, Schedule(expiry=10_000, problem_failures=0), contents=(b"bad", b"two"))
    assert {tuple(connection) for connection in sender.order} == {(b"bad",)}
    assert made.times("demoted") == []
    assert [(message.number, len(message.ndrs)) for message in made.messages] == [(1, 1), (2, 1)]
    assert made.messages[1].attempts == []


def test_a_connection_that_does_not_come_about_demotes_nobody() -> None:
    sender = Failing()
    made = carry(sender, Schedule(expiry=10_000), contents=(b"one", b"two"))
    assert {tuple(connection) for connection in sender.order} == {(b"one",)}
    assert made.times("demoted") == []


def test_problem_messages_take_turns() -> None:
    sender = Failing(LOST)
    carry(sender, Schedule(expiry=1_000), contents=(b"a", b"b"))
    carried = [content for connection in sender.order for content in connection]
    assert carried == [b"a", b"a", b"b", b"b"]
    sender = Failing(LOST)
    carry(sender, Schedule(expiry=100_000), contents=(b"a", b"b"))
    assert [connection[0] for connection in sender.order][:8] == [b"a", b"a", b"b", b"b", b"a", b"b", b"a", b"b"]


def test_a_message_put_off_does_not_hold_up_the_others() -> None:
    sender = Failing(REFUSED, bad=b"bad")
    made = carry(sender, Schedule(expiry=100, messages_per_connection=2), contents=(b"bad", b"two", b"three"))
    assert sender.order == [[b"bad", b"two"], [b"three"], [b"bad"]]
    assert made.times("delivered") == [0.0, 0.0]


def test_each_message_expires_by_itself_and_gets_its_notice() -> None:
    made = carry(Failing(LOST), contents=(b"a", b"b", b"c"))
    assert made.times("delay-notice") == [43_200.0] * 3
    assert made.times("ndr") == [172_800.0] * 3
    assert made.rows[-1].messages == 0
