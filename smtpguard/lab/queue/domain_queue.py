"""The sender's queue for one remote domain: try, wait, try again; say what is late; give up what is too old.

A round tries each waiting message at most once, over as many connections as the messages a connection ask for; it ends
when a connection fails. Then the queue waits as its schedule says; a round that delivered something starts the
schedule anew. A message that failed often enough goes behind the others (KB308350), so that what is wrong with it does
not hold them up. Delay notice and expiry count from the moment a message entered the queue and come on time between
connections, behind the connection when one is open. A 5xx ends it for the recipients it was for, at once.
"""

from __future__ import annotations

import asyncio

from smtpguard.lab.events import EventLog
from smtpguard.lab.queue.message import QueuedMessage
from smtpguard.lab.queue.notices import Notices
from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.queue.viewer import QueueState, QueueViewer
from smtpguard.lab.sender.attempt import Attempt
from smtpguard.lab.sender.envelope import Envelope
from smtpguard.lab.sender.server import Sender


class Queue:
    """Carries its messages to their ends. ``run`` may be awaited once; the messages then say what became of them."""

    def __init__(
        self,
        domain: str,
        sender: Sender,
        schedule: Schedule,
        notices: Notices,
        events: EventLog,
        viewer: QueueViewer,
    ) -> None:
        self._domain = domain
        self._sender = sender
        self._schedule = schedule
        self._notices = notices
        self._events = events
        self._viewer = viewer
        self._loop = asyncio.get_running_loop()
        self._waiting: list[QueuedMessage] = []
        self._round = _Round()

    async def run(self, messages: list[QueuedMessage]) -> None:
        """Deliver ``messages`` or give them up; returns when none waits."""
        for message in messages:
            self._waiting.append(message)
            self._record("queued", message, octets=message.octets)
        self._show("Ready")
        waits = self._schedule.waits()
        while self._waiting:
            await self._try_all()
            if not self._waiting:
                break
            if self._round.delivered:
                waits = self._schedule.waits()
            await self._wait(next(waits))
        self._show("Ready")

    async def _try_all(self) -> None:
        self._round = _Round()
        while not self._round.failed and self._untried():
            self._round.taken = 0
            await self._sender.connect(self._domain, self)
        self._sweep()

    def next(self) -> Envelope | None:
        """Part of ``Feed``: the message that is due."""
        untried = self._untried()
        if not untried or self._round.taken == self._schedule.messages_per_connection:
            return None
        message = untried[0]
        self._round.taken += 1
        self._round.tried.add(message.number)
        self._round.current, self._round.began = message, self._loop.time()
        self._record("attempt", message, number=len(message.attempts) + 1, state="Active")
        self._show("Active")
        return message.remaining()

    def settle(self, attempt: Attempt) -> None:
        """Part of ``Feed``: keep what came of the message under way."""
        message = self._round.message
        number = len(message.attempts) + 1
        message.note(self._round.began, self._loop.time(), attempt)
        if attempt.accepted:
            self._round.delivered = True
            fields: dict[str, object] = {"recipients": list(attempt.accepted), "tls": attempt.tls}
            self._record("delivered", message, number=number, connection=attempt.connection, **fields)
        if not attempt.delivered:
            self._record("attempt-failed", message, number=number, reason=attempt.reason, connection=attempt.connection)
        self._judge(message, attempt)
        self._waiting = [waiting for waiting in self._waiting if waiting.pending]
        self._show("Active")

    def amend(self, attempt: Attempt) -> None:
        """Part of ``Feed``: the end of the connection belongs to the last attempt."""
        self._round.message.amend(attempt)

    def _judge(self, message: QueuedMessage, attempt: Attempt) -> None:
        for_good = tuple(refusal for refusal in attempt.refused if refusal.permanent)
        if for_good:
            self._notices.refused(message, for_good)
        elif attempt.permanent:
            self._notices.failed(message, attempt.status)
        elif attempt.lost:
            self._round.failed = True
        if attempt.reason and not attempt.permanent:
            self._round.information = attempt.reason
        at_the_limit = 0 < message.failures == self._schedule.problem_failures
        if at_the_limit and attempt.begun and message.pending and len(self._waiting) > 1:
            self._record("demoted", message, failures=message.failures)

    def _untried(self) -> list[QueuedMessage]:
        """Messages that this round has not tried yet, in the order to try them."""
        return sorted((each for each in self._waiting if each.number not in self._round.tried), key=self._place)

    def _place(self, message: QueuedMessage) -> tuple[int, int]:
        """Problem messages stand behind the others, those that failed most at the end."""
        problem = 0 < self._schedule.problem_failures <= message.failures
        return (message.failures if problem else 0, message.number)

    async def _wait(self, pause: float) -> None:
        """Wait for the next round; notices go out, and messages expire, at their moments."""
        again = self._loop.time() + pause
        shown = min(again, max(self._expires(message) for message in self._waiting))
        self._events.add("sender", "retry", {"state": "Retry", "next": round(shown, 6), "domain": self._domain})
        while self._waiting:
            self._show("Retry", shown)
            moment = min([again, *(self._due(message) for message in self._waiting)])
            await asyncio.sleep(max(0.0, moment - self._loop.time()))
            self._sweep()
            if self._loop.time() >= again:
                return

    def _expires(self, message: QueuedMessage) -> float:
        return message.entered + self._schedule.expiry

    def _late(self, message: QueuedMessage) -> float | None:
        """When the delay notice of ``message`` is due; None when it went out or the message expires before it."""
        due = message.entered + self._schedule.delay_notice
        return None if message.delays or due >= self._expires(message) else due

    def _due(self, message: QueuedMessage) -> float:
        """When something is to be done about ``message``, tried or not."""
        late = self._late(message)
        return self._expires(message) if late is None else late

    def _sweep(self) -> None:
        """Give up what is too old, and say what is late."""
        now = self._loop.time()
        for message in self._waiting:
            if now >= self._expires(message) or len(message.attempts) >= self._schedule.attempts_at_most:
                self._notices.failed(message)
                continue
            late = self._late(message)
            if late is not None and now >= late:
                self._notices.late(message, self._expires(message))
        self._waiting = [message for message in self._waiting if message.pending]

    def _record(self, event: str, message: QueuedMessage, **fields: object) -> None:
        known: dict[str, object] = {"message": message.number, "domain": self._domain}
        self._events.add("sender", event, fields | known)

    def _show(self, state: QueueState, next_retry: float | None = None) -> None:
        waiting = [(message.entered, message.octets) for message in self._waiting]
        information = self._round.information if state == "Retry" else ""
        self._viewer.show(self._domain, state, waiting, next_retry, information)


class _Round:
    """One pass over the waiting messages. ``taken``: handed out on the connection that is open."""

    def __init__(self) -> None:
        self.tried: set[int] = set()
        self.taken = 0
        self.failed = False
        self.delivered = False
        self.information = ""
        self.current: QueuedMessage | None = None
        self.began = 0.0

    @property
    def message(self) -> QueuedMessage:
        """The message under way."""
        if self.current is None:
            raise RuntimeError("no message is under way")
        return self.current
