"""The sender's queue for one remote domain: try, wait, try again; say that it is late; give up and tell the author.

Times are those of ``lab.schedule``, counted from the end of an attempt; delay notice and expiry are counted from the
moment the message entered the queue and come on time between attempts, after the attempt when one is under way.
A 5xx ends it at once. States are Queue Viewer's.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Literal

from smtpguard.lab.dates import Calendar
from smtpguard.lab.events import EventLog
from smtpguard.lab.ndr import EXPIRED, Notifier, Undelivered
from smtpguard.lab.schedule import Schedule
from smtpguard.lab.sender import Attempt, Envelope, Sender

_ENHANCED = re.compile(r"[0-9]{3}[ -](5\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")


@dataclass(frozen=True, slots=True)
class TimedAttempt:
    """One attempt and when it ran, in simulated seconds."""

    began: float
    ended: float
    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Notification:
    """What the queue sent to the author: ``status`` as in RFC 3463, ``eml`` the whole message."""

    time: float
    status: str
    eml: bytes


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the message. ``ndr`` is None when it was delivered."""

    outcome: Literal["delivered", "ndr"]
    attempts: tuple[TimedAttempt, ...]
    delay: Notification | None
    ndr: Notification | None


class Queue:
    """Carries one message to its end. ``run`` may be awaited once."""

    def __init__(
        self, sender: Sender, schedule: Schedule, notifier: Notifier, calendar: Calendar, events: EventLog
    ) -> None:
        self._sender = sender
        self._schedule = schedule
        self._notifier = notifier
        self._calendar = calendar
        self._events = events
        self._attempts: list[TimedAttempt] = []
        self._delay: Notification | None = None
        self._loop = asyncio.get_running_loop()
        self._entered = self._loop.time()

    async def run(self, envelope: Envelope) -> Fate:
        """Deliver ``envelope`` or write its NDR."""
        self._entered = self._loop.time()
        self._events.add("sender", "queued", {"domain": envelope.domain, "octets": len(envelope.content)})
        mail = Undelivered(envelope.sender, envelope.recipients, envelope.content, self._calendar.now())
        for pause in self._schedule.waits():
            attempt = await self._try(envelope)
            if attempt.delivered:
                return Fate("delivered", tuple(self._attempts), self._delay, None)
            if attempt.permanent:
                return self._give_up(mail, _status(attempt.reason))
            if len(self._attempts) >= self._schedule.attempts_at_most or not await self._wait(pause, mail):
                break
        return self._give_up(mail, EXPIRED)

    async def _try(self, envelope: Envelope) -> Attempt:
        number = len(self._attempts) + 1
        began = self._loop.time()
        self._events.add("sender", "attempt", {"number": number, "state": "Active"})
        attempt = await self._sender.attempt(envelope)
        self._attempts.append(TimedAttempt(began, self._loop.time(), attempt))
        if attempt.delivered:
            self._events.add("sender", "delivered", {"number": number})
        else:
            self._events.add("sender", "attempt-failed", {"number": number, "reason": attempt.reason})
        return attempt

    async def _wait(self, pause: float, mail: Undelivered) -> bool:
        """Wait for the next attempt; False when the message expires first."""
        expires = self._entered + self._schedule.expiry
        again = self._loop.time() + pause
        self._events.add("sender", "retry", {"state": "Retry", "next": round(min(again, expires), 6)})
        notice = self._entered + self._schedule.delay_notice
        if self._delay is None and notice <= again and notice < expires:
            await self._until(notice)
            self._notify_delay(mail)
        await self._until(min(again, expires))
        return again < expires

    async def _until(self, moment: float) -> None:
        await asyncio.sleep(max(0.0, moment - self._loop.time()))

    def _notify_delay(self, mail: Undelivered) -> None:
        until = self._calendar.at(self._entered + self._schedule.expiry)
        eml = self._notifier.delay(mail, self._calendar.now(), until)
        self._delay = Notification(self._loop.time(), EXPIRED, eml)
        self._events.add("sender", "delay-notice", {"to": mail.sender})

    def _give_up(self, mail: Undelivered, status: str) -> Fate:
        eml = self._notifier.failure(mail, self._calendar.now(), status)
        self._events.add("sender", "ndr", {"to": mail.sender, "status": status})
        return Fate("ndr", tuple(self._attempts), self._delay, Notification(self._loop.time(), status, eml))


def _status(refusal: str) -> str:
    """The enhanced code of a 5xx reply, 5.0.0 where it has none (RFC 3463 2)."""
    match = _ENHANCED.match(refusal)
    return match[1] if match else "5.0.0"
