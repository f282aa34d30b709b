"""A message in a queue."""

from __future__ import annotations

from dataclasses import replace

from smtpguard.lab.queue.fate import Notification
from smtpguard.lab.queue.message import QueuedMessage
from smtpguard.lab.sender.attempt import Attempt
from smtpguard.lab.sender.envelope import Envelope
from smtpguard.lab.sender.steps import StepBoard

TWO = ("b@example.net", "c@example.net")
FAILED = Attempt(False, False, "no", StepBoard().states(), ())


def queued() -> QueuedMessage:
    return QueuedMessage(1, Envelope("a@example.com", TWO, b"12345", b""), 0.0)


def test_recipients_leave_one_way_or_the_other() -> None:
    message = queued()
    message.note(0.0, 1.0, replace(FAILED, accepted=TWO[:1], begun=True))
    assert (message.delivered, message.pending, message.remaining().recipients) == ([TWO[0]], TWO[1:], TWO[1:])
    message.fail(TWO[1:], Notification(2.0, "5.1.1", b""))
    assert (message.failed, message.pending, len(message.ndrs)) == ([TWO[1]], (), 1)
    assert message.envelope.recipients == TWO


def test_only_what_failed_behind_mail_counts_as_its_failure() -> None:
    message = queued()
    message.note(0.0, 0.0, FAILED)
    assert message.failures == 0
    message.note(0.0, 0.0, replace(FAILED, begun=True))
    message.note(0.0, 0.0, replace(FAILED, begun=True, delivered=True))
    assert (message.failures, len(message.attempts), message.octets) == (1, 3, 5)


def test_an_amended_attempt_keeps_its_times() -> None:
    message = queued()
    message.note(3.0, 4.0, FAILED)
    message.amend(replace(FAILED, reason="other"))
    assert [(timed.began, timed.ended, timed.attempt.reason) for timed in message.attempts] == [(3.0, 4.0, "other")]
