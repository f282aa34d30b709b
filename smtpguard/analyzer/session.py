"""One connection's worth of conversation: it says what it is told and keeps every step.

Never raises for what the server does. Commands of the envelope are those of the acceptance test (Exchange Server
Analyzer), with the angle brackets that RFC 5321 4.1.2 asks for.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace

from smtpguard.analyzer.connection import Connection, Limits, connect
from smtpguard.analyzer.steps import Name, Step
from smtpguard.analyzer.target import Target
from smtpguard.analyzer.via import STRAIGHT, Via

Watch = Callable[[str, Name, Step | None], None]
"""Hears of each step twice, with the title of its session: None when it begins, the step when it has ended."""


class Session:
    """One session in the making, closed by ``async with``. ``steps`` grows, so a run cut short keeps what it saw."""

    def __init__(self, title: str, target: Target, limits: Limits, watch: Watch, via: Via = STRAIGHT) -> None:
        self.title = title
        self.steps: list[Step] = []
        self.at: Name = "connect"  # what is going on, for a run that is cut in the middle of it
        self._target = target
        self._limits = limits
        self._watch = watch
        self._via = via
        self._line: Connection | None = None

    @property
    def target(self) -> Target:
        """Where the session is held, and with which envelope."""
        return self._target

    @property
    def own_name(self) -> bytes:
        """What EHLO and HELO say: this end as an address literal."""
        return self._open_line.own_address.encode("ascii")

    async def open(self) -> bool:
        """Connect and read the banner; whether it is a 220."""
        self._begin("connect")
        self._line, step = await connect(self._target.dial, self._target.port, self._limits, self._via)
        self._note(step)
        return self._line is not None and (await self.say("banner", b"")).accepted

    async def hello(self) -> bool:
        """EHLO, and HELO where that is refused for good."""
        step = await self.say("EHLO", b"EHLO %b\r\n" % self.own_name)
        if step.accepted:
            return True
        refused = not step.failure and step.code >= 500
        return refused and (await self.say("HELO", b"HELO %b\r\n" % self.own_name)).accepted

    async def envelope(self) -> bool:
        """MAIL and RCPT of the sample message."""
        sender, recipient = self._target.sender.encode("ascii"), self._target.recipient.encode("ascii")
        if not (await self.say("MAIL", b"MAIL FROM:<%b>\r\n" % sender)).accepted:
            return False
        return (await self.say("RCPT", b"RCPT TO:<%b>\r\n" % recipient)).accepted

    async def say(self, name: Name, *pieces: bytes, pause: float = 0.0) -> Step:
        """One exchange; several ``pieces`` go out as segments of their own, ``pause`` seconds apart."""
        self._begin(name)
        step = await self._open_line.exchange(name, *pieces, pause=pause)
        # A banner in the place of a later reply: the server talks without having been asked.
        if step.code == 220 and name not in ("banner", "STARTTLS") and not step.failure:
            step = replace(step, failure="babbling", code=0)
        self._note(step)
        return step

    async def start_tls(self) -> Step:
        """The handshake behind a 220; whose certificate it is does not matter here."""
        self._begin("TLS handshake")
        step = await self._open_line.start_tls("TLS handshake", any_certificate())
        self._note(step)
        return step

    async def quit(self) -> None:
        """QUIT, where the connection can still be spoken to."""
        if self._line is not None and not self.steps[-1].failure:
            await self.say("QUIT", b"QUIT\r\n")

    async def quit_and_listen(self) -> None:
        """QUIT, and whatever comes behind its reply until the server closes: replies that no command asked for."""
        await self.quit()
        if self.steps[-1].name == "QUIT" and not self.steps[-1].failure:
            rest = await self._open_line.rest("behind QUIT")
            if rest.received:
                self._note(rest)

    async def __aenter__(self) -> Session:
        return self

    async def __aexit__(self, *raised: object) -> None:
        if self._line is not None:
            await self._line.close()

    @property
    def _open_line(self) -> Connection:
        assert self._line is not None  # noqa: S101 - callers open the session first
        return self._line

    def _begin(self, name: Name) -> None:
        self.at = name
        self._watch(self.title, name, None)

    def _note(self, step: Step) -> None:
        self.steps.append(step)
        self._watch(self.title, step.name, step)


def any_certificate() -> ssl.SSLContext:
    """A context for the question whether TLS is spoken: not by whom, nor how well. Exchange 2003 speaks TLS 1.0."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    return context


async def speaks_tls(target: Target, limits: Limits, via: Via = STRAIGHT) -> bool:
    """Whether a TLS handshake succeeds on a connection of its own, as on port 465. Says nothing behind it."""
    try:
        async with asyncio.timeout(limits.step):
            _, writer = await via.connect(target.dial, target.port, limits.step, any_certificate())
    except (OSError, TimeoutError):  # ssl.SSLError is an OSError
        return False
    writer.transport.abort()
    return True
