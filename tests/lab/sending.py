"""A sending host for the lab's tests: real queues and a real DNS server, with peers that the test gives."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smtpguard.lab.capture.tap import Leg, Tap
from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dates import Calendar
from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.server import DnsServer
from smtpguard.lab.dns.zones import Zones
from smtpguard.lab.events import Event, EventLog
from smtpguard.lab.queue.fate import Fate
from smtpguard.lab.queue.host import Queues
from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.queue.viewer import QueueRow
from smtpguard.lab.sender.attempt import Attempt
from smtpguard.lab.sender.settings import SenderSettings
from tests.lab.hosts import START, Serve, serving

CONTENT = b"Message-ID: <1@x>\r\n\r\n.dot\r\n"
BANNER = b"220 mx1.example.net\r\n"
BARE = b"250 mx1.example.net\r\n"
OFFERS = b"250-mx1.example.net\r\n250-PIPELINING\r\n250-XEXCH50\r\n250 CHUNKING\r\n"
OK = b"250 OK\r\n"
GO = b"354 go\r\n"
BYE = b"221 bye\r\n"

ONCE = Schedule(expiry=1, glitch_retries=0)  # one attempt and no second

ZONES = Zones(
    mx={"example.net": (Exchanger(preference=10, host="mx1.example.net"),)}, a={"mx1.example.net": ("127.0.0.1",)}
)


@dataclass(frozen=True)
class Sent:
    """What a run of the sending host came to; ``seconds``: when it was over."""

    fates: tuple[Fate, ...]
    events: tuple[Event, ...]
    timeline: tuple[QueueRow, ...]
    seconds: float

    @property
    def attempt(self) -> Attempt:
        """The first attempt at the first message."""
        return self.fates[0].attempts[0].attempt

    def of(self, name: str) -> list[dict[str, object]]:
        """The fields of every event ``name``."""
        return [event.fields for event in self.events if event.event == name]

    def times(self, name: str) -> list[float]:
        """When the event ``name`` happened."""
        return [event.time for event in self.events if event.event == name]


def settings(**changes: object) -> SenderSettings:
    """The settings of most tests, and what differs."""
    usual: dict[str, object] = {
        "host": "mail1.example.com",
        "address": "alice@example.com",
        "recipients": ("bob@example.net",),
        "blob": 9,
    }
    return SenderSettings.model_validate(usual | changes)


async def send(
    ports: Mapping[str, int],
    *,
    messages: Sequence[bytes] = (CONTENT,),
    zones: Zones = ZONES,
    schedule: Schedule | None = None,
    tap: Tap | None = None,
    **changes: object,
) -> Sent:
    """Carry ``messages`` to hosts that listen on ``ports`` (exchanger -> port)."""
    loop = asyncio.get_running_loop()
    events = EventLog(loop.time)
    dns = DnsServer(zones)
    await dns.start()
    try:
        queues = Queues(
            settings(**changes),
            schedule or ONCE,
            dns.address,
            lambda host: ("127.0.0.1", ports[host]) if host in ports else None,
            Calendar(START, loop.time),
            events,
            lambda what: random.Random(f"1/{what}"),
            tap,
        )
        fates = await queues.run(messages)
        return Sent(fates, events.ordered(), queues.timeline, loop.time())
    finally:
        await dns.stop()


def virtually(main: Coroutine[Any, Any, None]) -> None:
    """Run ``main`` on a virtual clock."""

    async def whole() -> None:
        await main
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(whole)


def send_to(serve: Serve, **options: Any) -> Sent:
    """Send to one server that behaves as ``serve``, on a virtual clock; nothing may be left behind."""
    made: list[Sent] = []

    async def main() -> None:
        async with serving(serve) as port:
            made.append(await send({"mx1.example.net": port}, **options))

    virtually(main())
    return made[0]


def states(made: Attempt) -> str:
    """The fifteen steps as letters: o(k), F(ailed), - not reached."""
    return "".join({"ok": "o", "failed": "F", "not reached": "-"}[row.state] for row in made.steps)


def spoken(made: Attempt) -> list[str]:
    """What the sender said."""
    return [said.text for said in made.lines if said.direction == "-->"]


class Replying:
    """A server that answers each command from ``replies`` (verb -> replies, the last one for good).

    ``drops``: closes instead of answering a message that holds these octets. ``conversations``: the verbs of each
    connection.
    """

    def __init__(self, offers: bytes = OFFERS, drops: bytes | None = None, **replies: bytes | list[bytes]) -> None:
        self.offers = offers
        self.drops = drops
        self.replies = {verb: [given] if isinstance(given, bytes) else list(given) for verb, given in replies.items()}
        self.conversations: list[list[str]] = []
        self.messages: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verbs: list[str] = []
        self.conversations.append(verbs)
        writer.write(self._reply("BANNER", BANNER))
        while True:
            line = await reader.readuntil(b"\r\n")
            words = line.split()
            verb = words[0].decode()
            verbs.append(verb)
            if verb == "BDAT" and not self._take(await reader.readexactly(int(words[1]))):
                return
            reply = self._reply(verb, {"EHLO": self.offers, "DATA": GO, "QUIT": BYE, "XEXCH50": GO}.get(verb, OK))
            writer.write(reply)
            if reply.startswith(b"354"):
                if verb == "XEXCH50":
                    await reader.readexactly(int(words[1]))
                elif not self._take(await reader.readuntil(b"\r\n.\r\n")):
                    return
                writer.write(self._reply(f"{verb}_END", OK))
            if verb == "QUIT" or reply.startswith(b"421"):
                return

    def _take(self, message: bytes) -> bool:
        if self.drops is not None and self.drops in message:
            return False
        self.messages.append(message)
        return True

    def _reply(self, verb: str, usual: bytes) -> bytes:
        given = self.replies.get(verb)
        if given is None:
            return usual
        return given.pop(0) if len(given) > 1 else given[0]


class Heard:
    """A tap that writes down what it hears."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def opened(self, leg: Leg, number: int, time: float) -> None:
        self.calls.append(("opened", leg, number, time))

    def said(self, leg: Leg, number: int, time: float, data: bytes, *, from_client: bool) -> None:
        self.calls.append((data, from_client))

    def closed(self, leg: Leg, number: int, time: float, *, from_client: bool) -> None:
        self.calls.append(("closed", number, from_client))
