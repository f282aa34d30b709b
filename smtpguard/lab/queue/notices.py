"""What a queue tells the authors: the delay notice at its hour, the NDR at the end. Each is also a record."""

from __future__ import annotations

import asyncio

from smtpguard.lab.dates import Calendar
from smtpguard.lab.events import EventLog
from smtpguard.lab.queue.fate import Notification
from smtpguard.lab.queue.message import QueuedMessage
from smtpguard.lab.queue.ndr import EXPIRED, Notifier, Undelivered, status_of
from smtpguard.lab.sender.attempt import Refusal


class Notices:
    """Writes notifications in the name of the sending host."""

    def __init__(self, notifier: Notifier, calendar: Calendar, events: EventLog) -> None:
        self._notifier = notifier
        self._calendar = calendar
        self._events = events
        self._loop = asyncio.get_running_loop()

    def late(self, message: QueuedMessage, expires: float) -> None:
        """Say that ``message`` is late and will be tried until ``expires`` (simulated seconds)."""
        mail = self._mail(message, message.pending)
        eml = self._notifier.delay(mail, self._calendar.now(), self._calendar.at(expires))
        message.delays.append(Notification(self._loop.time(), EXPIRED, eml))
        self._events.add("sender", "delay-notice", {"to": mail.sender, "message": message.number})

    def failed(self, message: QueuedMessage, status: str = EXPIRED) -> None:
        """Say that no one who still waits will get ``message``, and why."""
        mail = self._mail(message, message.pending)
        self._tell(message, mail.recipients, status, self._notifier.failure(mail, self._calendar.now(), status))

    def refused(self, message: QueuedMessage, refusals: tuple[Refusal, ...]) -> None:
        """Say that a server refused these recipients of ``message`` for good."""
        replies = {refusal.recipient: refusal.text for refusal in refusals}
        status = status_of(refusals[0].text)
        mail = self._mail(message, tuple(replies))
        eml = self._notifier.failure(mail, self._calendar.now(), status, replies)
        self._tell(message, mail.recipients, status, eml)

    def _mail(self, message: QueuedMessage, recipients: tuple[str, ...]) -> Undelivered:
        arrived = self._calendar.at(message.entered)
        return Undelivered(message.envelope.sender, recipients, message.envelope.content, arrived)

    def _tell(self, message: QueuedMessage, recipients: tuple[str, ...], status: str, eml: bytes) -> None:
        message.fail(recipients, Notification(self._loop.time(), status, eml))
        fields: dict[str, object] = {"to": message.envelope.sender, "status": status, "message": message.number}
        self._events.add("sender", "ndr", fields | {"recipients": list(recipients)})
