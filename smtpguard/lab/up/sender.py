"""The sender of a lab that stays up: a door where mail comes in by SMTP, and queues that carry it to the firewall.

The door is a receiving host with the words of the SMTP service and takes mail for the domains that the lab's DNS
knows; everything else is refused there as relaying. What came in is queued at once, each message in queues of its own.
Nothing is written to disk: what still waits at the end is gone, and ``stop`` says how much that was.

A message that can't go on (no author, so nobody to tell; octets that SMTP can't carry; a queue that is full) is dropped
with the event ``not-queued``.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from pydantic import ValidationError

from smtpguard.lab.dates import Calendar
from smtpguard.lab.errors import LabError
from smtpguard.lab.events import EventLog
from smtpguard.lab.message import check_message
from smtpguard.lab.queue.host import Queues
from smtpguard.lab.receiver.host import ReceiverHost
from smtpguard.lab.receiver.mailbox import Mailbox, StoredMessage
from smtpguard.lab.receiver.profile import load_profile
from smtpguard.lab.receiver.settings import ReceiverSettings
from smtpguard.lab.scenario.model import LOOPBACK, Scenario
from smtpguard.lab.sender.envelope import domain_of
from smtpguard.lab.sender.settings import SenderSettings
from smtpguard.lab.up.journal import SenderLog, SubmissionLog
from smtpguard.relay.addresses import Address

MOST_WAITING = 1000
"""Messages at once; ours."""


class UpSender:
    """Carries mail to ``entrance``, the one address that answers for every exchanger; asks the DNS server ``dns``."""

    def __init__(
        self, scenario: Scenario, calendar: Calendar, events: EventLog, dns: Address, entrance: Address, port: int
    ) -> None:
        self._scenario = scenario
        self._calendar = calendar
        self._events = events
        self._dns = dns
        self._entrance = entrance
        self._count = 0
        self._carrying: dict[asyncio.Task[None], int] = {}
        zones = scenario.zones
        known = {*scenario.receiver.domains, *zones.mx, *map(domain_of, scenario.sender.recipients)}
        self._hosts = {scenario.receiver.host.lower(), *(domain.lower() for domain in scenario.receiver.domains)}
        self._door = ReceiverHost(
            ReceiverSettings(host=scenario.sender.host, domains=tuple(sorted(known)), profile="iis"),
            load_profile("iis"),
            calendar,
            SubmissionLog(events),
            random.Random(f"{scenario.seed}/door"),
            host=LOOPBACK,
            port=port,
            mailbox=_Outbox(self),
        )

    @property
    def address(self) -> Address:
        """Where mail comes in; only after ``start``."""
        return self._door.host, self._door.port

    @property
    def waiting(self) -> int:
        """Messages in the queues."""
        return sum(self._carrying.values())

    async def start(self) -> None:
        """Open the door; raises ``LabError`` where its port is taken."""
        try:
            await self._door.start()
        except LabError as error:
            raise LabError(str(error).replace(f"receiver {self._door.host}:", "--sender-port ", 1)) from None

    async def stop(self) -> int:
        """Close the door and end every connection; how many messages still waited."""
        await self._door.stop()
        left = self.waiting
        for task in tuple(self._carrying):
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)
        return left

    def queue(self, messages: Sequence[bytes]) -> None:
        """Queue the scenario's own mail."""
        self._carry(self._scenario.sender, messages)

    def submit(self, message: StoredMessage) -> None:
        """Queue what came in at the door."""
        try:
            check_message(message.content, "the message")
            settings = SenderSettings.model_validate(
                self._scenario.sender.model_dump()
                | {"address": message.sender, "recipients": message.recipients, "messages": 1}
            )
        except ValidationError as error:
            reason = str(error.errors(include_url=False)[0]["msg"]).removeprefix("Value error, ")
            return self._drop(message, reason)
        except LabError as error:
            return self._drop(message, str(error))
        if self.waiting >= MOST_WAITING:
            return self._drop(message, f"{MOST_WAITING} messages wait already")
        return self._carry(settings, [message.content])

    def _drop(self, message: StoredMessage, reason: str) -> None:
        fields: dict[str, object] = {"sender": message.sender, "recipients": list(message.recipients)}
        self._events.add("sender", "not-queued", fields | {"reason": reason})

    def _carry(self, settings: SenderSettings, messages: Sequence[bytes]) -> None:
        task = asyncio.get_running_loop().create_task(self._run(settings, messages, self._count))
        self._count += len(messages)
        self._carrying[task] = len(messages)
        task.add_done_callback(self._carrying.pop)

    async def _run(self, settings: SenderSettings, messages: Sequence[bytes], before: int) -> None:
        queues = Queues(
            settings,
            self._scenario.schedule,
            dns=self._dns,
            directory=self._directory,
            calendar=self._calendar,
            events=SenderLog(self._events, before),
            rng=lambda what: random.Random(f"{self._scenario.seed}/{before}/{what}"),
        )
        for number, fate in enumerate(await queues.run(messages), before + 1):
            fields: dict[str, object] = {"message": number, "outcome": fate.outcome, "attempts": len(fate.attempts)}
            self._events.add("sender", "fate", fields)

    def _directory(self, host: str) -> Address | None:
        return self._entrance if host.lower() in self._hosts else None


class _Outbox(Mailbox):
    """The mailbox of the door: it keeps nothing and hands everything on."""

    def __init__(self, sender: UpSender) -> None:
        super().__init__()
        self._sender = sender

    def keep(self, message: StoredMessage) -> None:
        self._sender.submit(message)
