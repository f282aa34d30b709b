"""The sending host: one queue a remote domain, all of them at once, and the fates of the messages in the end.

A message to several domains stands in several queues. The queues of further domains begin a moment after the first,
so that no two of them act in the same instant and their records have one order.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from smtpguard.lab.capture.tap import Tap
from smtpguard.lab.dates import Calendar
from smtpguard.lab.dns.client import Resolver
from smtpguard.lab.events import EventLog
from smtpguard.lab.queue.domain_queue import Queue
from smtpguard.lab.queue.fate import Fate
from smtpguard.lab.queue.message import QueuedMessage
from smtpguard.lab.queue.ndr import Notifier
from smtpguard.lab.queue.notices import Notices
from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.queue.viewer import QueueRow, QueueViewer
from smtpguard.lab.sender.envelope import Envelope, domain_of
from smtpguard.lab.sender.ntlm_nonces import Nonces
from smtpguard.lab.sender.opening import Directory, Opening
from smtpguard.lab.sender.server import Sender
from smtpguard.lab.sender.settings import SenderSettings

_STAGGER = 1 / 16  # seconds, exact in binary


class Queues:
    """``dns``: address and port of the server to ask; ``rng`` gives the generator of a name, each time the same."""

    def __init__(
        self,
        settings: SenderSettings,
        schedule: Schedule,
        dns: tuple[str, int],
        directory: Directory,
        calendar: Calendar,
        events: EventLog,
        rng: Callable[[str], random.Random],
        tap: Tap | None = None,
    ) -> None:
        self._settings = settings
        self._schedule = schedule
        self._events = events
        self._rng = rng
        self._loop = asyncio.get_running_loop()
        self._viewer = QueueViewer(self._loop.time)
        self._notices = Notices(Notifier(settings.host, rng("notifier")), calendar, events)
        opening = Opening(Resolver(dns, rng("dns")), directory, events, schedule.timeout, settings.source, tap)
        nonces = Nonces(rng("ntlm"), settings.host, calendar.now)
        self._sender = Sender(settings, opening, nonces, schedule.timeout)

    async def run(self, messages: Sequence[bytes]) -> tuple[Fate, ...]:
        """Deliver each of ``messages`` to all recipients, or write its NDR; one fate a message, in their order."""
        blobs = self._rng("blob")
        domains = list(dict.fromkeys(map(domain_of, self._settings.recipients)))
        waiting: dict[str, list[QueuedMessage]] = {domain: [] for domain in domains}
        for number, content in enumerate(messages, 1):
            blob = blobs.randbytes(self._settings.blob)
            for domain in domains:
                waiting[domain].append(QueuedMessage(number, self._envelope(domain, content, blob), self._loop.time()))
        async with asyncio.TaskGroup() as group:
            for place, domain in enumerate(domains):
                group.create_task(self._carry(domain, waiting[domain], place * _STAGGER))
        return tuple(_fate(parts) for parts in zip(*waiting.values(), strict=True))

    @property
    def timeline(self) -> tuple[QueueRow, ...]:
        """Queue Viewer over time."""
        return self._viewer.rows()

    def _envelope(self, domain: str, content: bytes, blob: bytes) -> Envelope:
        recipients = tuple(name for name in self._settings.recipients if domain_of(name) == domain)
        return Envelope(self._settings.address, recipients, content, blob)

    async def _carry(self, domain: str, messages: list[QueuedMessage], begin: float) -> None:
        if begin:
            await asyncio.sleep(begin)
        queue = Queue(domain, self._sender, self._schedule, self._notices, self._events, self._viewer)
        await queue.run(messages)


def _fate(parts: tuple[QueuedMessage, ...]) -> Fate:
    """The fate of one message from what became of it in each queue."""
    ndrs = sorted((ndr for part in parts for ndr in part.ndrs), key=lambda notice: notice.time)
    return Fate(
        outcome="ndr" if ndrs else "delivered",
        attempts=tuple(sorted((each for part in parts for each in part.attempts), key=lambda each: each.began)),
        delays=tuple(sorted((each for part in parts for each in part.delays), key=lambda notice: notice.time)),
        ndrs=tuple(ndrs),
        content=parts[0].envelope.content,
        delivered=tuple(name for part in parts for name in part.delivered),
        failed=tuple(name for part in parts for name in part.failed),
    )
