"""The sessions that the rules judge: the mail acceptance test, and the same message by BDAT.

Each gives its steps as far as it came, and never raises for what the server does. Commands are those of the test
(Exchange Server Analyzer), with the angle brackets that RFC 5321 4.1.2 asks for. XEXCH50 is never sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import replace

from smtpguard.analyzer.connection import Connection, Limits, connect
from smtpguard.analyzer.steps import Name, Step
from smtpguard.analyzer.target import Target

Watch = Callable[[str, Name, Step | None], None]
"""Hears of each step twice, with the title of its session: None when it begins, the step when it has ended."""

ACCEPTANCE = "mail acceptance test"
BDAT = "BDAT mail acceptance test"


class Session:
    """One session in the making. ``steps`` grows as it goes on, so a run that is cut short keeps what it saw."""

    def __init__(self, title: str, target: Target, limits: Limits, watch: Watch) -> None:
        self.title = title
        self.steps: list[Step] = []
        self._target = target
        self._limits = limits
        self._watch = watch

    async def acceptance(self, content: bytes) -> None:
        """Banner, EHLO (HELO where that is refused), MAIL, RCPT, and the message by DATA if the target wants one."""
        await self._run(lambda line: self._by_data(line, content))

    async def bdat(self, content: bytes) -> None:
        """The same, with the message in one BDAT chunk (RFC 3030 2)."""
        chunk = b"BDAT %d LAST\r\n%b" % (len(content), content)
        await self._run(lambda line: self._say(line, "BDAT", chunk))

    async def _run(self, message: Callable[[Connection], Awaitable[object]]) -> None:
        self._watch(self.title, "connect", None)
        line, step = await connect(self._target.host, self._target.port, self._limits)
        self._note(step)
        if line is None:
            return
        try:
            if await self._envelope(line) and self._target.message:
                await message(line)
            if not self.steps[-1].failure:
                await self._say(line, "QUIT", b"QUIT\r\n")
        finally:
            await line.close()

    async def _envelope(self, line: Connection) -> bool:
        if not await self._say(line, "banner", b""):
            return False
        name = line.own_address.encode("ascii")
        if not await self._say(line, "EHLO", b"EHLO %b\r\n" % name):
            refused = not self.steps[-1].failure and self.steps[-1].code >= 500
            if not refused or not await self._say(line, "HELO", b"HELO %b\r\n" % name):
                return False
        sender, recipient = self._target.sender.encode("ascii"), self._target.recipient.encode("ascii")
        if not await self._say(line, "MAIL", b"MAIL FROM:<%b>\r\n" % sender):
            return False
        return await self._say(line, "RCPT", b"RCPT TO:<%b>\r\n" % recipient)

    async def _by_data(self, line: Connection, content: bytes) -> None:
        if await self._say(line, "DATA", b"DATA\r\n"):
            await self._say(line, "message", content + b".\r\n")

    async def _say(self, line: Connection, name: Name, octets: bytes) -> bool:
        """One exchange; whether the server said yes."""
        self._watch(self.title, name, None)
        step = await line.exchange(name, octets)
        # A banner in the place of a later reply: the server talks without having been asked.
        if step.code == 220 and name != "banner" and not step.failure:
            step = replace(step, failure="babbling", code=0)
        self._note(step)
        return step.accepted

    def _note(self, step: Step) -> None:
        self.steps.append(step)
        self._watch(self.title, step.name, step)


async def speaks_tls(target: Target, limits: Limits) -> bool:
    """Whether a TLS handshake succeeds on a connection of its own, as on port 465. Says nothing behind it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # the question is whether TLS is spoken, not by whom
    try:
        async with asyncio.timeout(limits.step):
            _, writer = await asyncio.open_connection(target.host, target.port, ssl=context)
    except (OSError, TimeoutError):  # ssl.SSLError is an OSError
        return False
    writer.transport.abort()
    return True
