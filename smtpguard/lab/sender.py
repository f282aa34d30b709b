"""One delivery attempt of the sending server: the fifteen steps of KB818222, each marked as it happens.

EHLO, the keywords, MAIL, RCPT, XEXCH50 with its blob where offered, the message by BDAT where CHUNKING is offered and
else by DATA, QUIT. A 4xx or 5xx to XEXCH50 does no harm: the sender goes on with the message (the tech tip of 2008).

Once the message is acknowledged it is delivered, whatever becomes of QUIT. An attempt never raises for what a peer
does: its result says how far it came and why it ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from smtpguard.lab.events import EventLog
from smtpguard.lab.mx import Exchanger, MxTable
from smtpguard.lab.steps import Step, StepBoard, StepState
from smtpguard.lab.text import stuffed
from smtpguard.lab.transcript import Said, Transcript
from smtpguard.lab.wire import DROPPED, UNREACHABLE, UNRESOLVED, AttemptError, Wire
from smtpguard.smtp.keywords import keyword_name
from smtpguard.smtp.replies import Reply


class Directory(Protocol):
    """Where an exchanger really listens in the lab, as address and port; None for a host that is not there."""

    def __call__(self, host: str) -> tuple[str, int] | None: ...


@dataclass(frozen=True, slots=True)
class Envelope:
    """What is to be delivered: ``blob`` are the message properties that XEXCH50 carries, opaque here."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    blob: bytes

    @property
    def domain(self) -> str:
        """The remote domain; one queue serves one domain, so it is that of every recipient."""
        return self.recipients[0].rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went. ``permanent``: a 5xx, which no retry mends; ``reason`` is empty when delivered."""

    delivered: bool
    permanent: bool
    reason: str
    steps: tuple[StepState, ...]
    lines: tuple[Said, ...]


class _RefusedError(Exception):
    """A reply that ends the attempt: the peer spoke, and said no."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.raw)
        self.code = reply.code
        self.text = reply.lines[-1].rstrip(b"\r\n").decode("latin-1")


class Sender:
    """``fqdn`` is what EHLO says; ``directory`` turns an exchanger's name into a loopback address and port."""

    def __init__(self, fqdn: str, mx: MxTable, directory: Directory, events: EventLog, timeout: float) -> None:
        self._fqdn = fqdn
        self._mx = mx
        self._directory = directory
        self._events = events
        self._timeout = timeout

    async def attempt(self, envelope: Envelope) -> Attempt:
        """Try once."""
        return await _Session(self._fqdn, self._timeout, self._events, envelope).run(self._mx, self._directory)


class _Session:
    def __init__(self, fqdn: str, timeout: float, events: EventLog, envelope: Envelope) -> None:
        self._fqdn = fqdn
        self._timeout = timeout
        self._events = events
        self._envelope = envelope
        self._board = StepBoard()
        self._transcript = Transcript()
        self._loop = asyncio.get_running_loop()
        self._step = Step.LOOK_UP
        self._delivered = False

    async def run(self, mx: MxTable, directory: Directory) -> Attempt:
        reason, permanent = "", False
        wire: Wire | None = None
        try:
            wire = await self._connect(mx, directory)
            keywords = await self._greet(wire)
            await self._address(wire)
            if "XEXCH50" in keywords:
                await self._properties(wire)
            await self._message(wire, keywords)
            await self._leave(wire)
        except AttemptError as failure:
            reason = failure.reason
            self._transcript.note(self._loop.time(), self._ending(failure))
        except _RefusedError as refusal:
            reason, permanent = refusal.text, refusal.code >= 500
            self._transcript.note(self._loop.time(), "refused; the sender ends the session")
        finally:
            if wire is not None:
                await wire.close()
        if reason:
            self._board.failed(self._step)
        else:
            self._board.ok(Step.END)
        return Attempt(
            delivered=self._delivered,
            permanent=permanent and not self._delivered,
            reason="" if self._delivered else reason,
            steps=self._board.states(),
            lines=tuple(self._transcript.lines),
        )

    def _ending(self, failure: AttemptError) -> str:
        if failure.silent:
            return f"nothing for {self._timeout:g} seconds; the sender closes the connection"
        return "the connection was closed from the other side" if failure.reason == DROPPED else failure.reason

    def _reach(self, step: Step) -> None:
        """Every step before ``step`` that was under way is done; ``step`` is what fails if something fails now."""
        self._board.ok(self._step)
        self._step = step

    async def _connect(self, mx: MxTable, directory: Directory) -> Wire:
        exchangers = mx.look_up(self._envelope.domain)
        if not exchangers:
            raise AttemptError(UNRESOLVED)
        self._events.add("sender", "mx-found", {"exchangers": [row.host for row in exchangers], "how": "table"})
        self._reach(Step.CONNECT)
        return await self._first_that_answers(exchangers, directory)

    async def _first_that_answers(self, exchangers: tuple[Exchanger, ...], directory: Directory) -> Wire:
        last = AttemptError(UNREACHABLE)
        for row in exchangers:
            place = directory(row.host)
            try:
                if place is None:
                    raise AttemptError(UNREACHABLE)
                return await Wire.connect(*place, self._timeout, self._transcript)
            except AttemptError as failure:
                self._events.add("sender", "exchanger-unreachable", {"exchanger": row.host, "reason": failure.reason})
                last = failure
        raise last

    async def _greet(self, wire: Wire) -> set[str]:
        self._reach(Step.BANNER)
        self._accept(await wire.reply())
        self._reach(Step.EHLO)
        await wire.command(b"EHLO " + self._fqdn.encode("ascii"))
        self._reach(Step.KEYWORDS)
        reply = await wire.reply()
        if reply.positive:
            return {keyword_name(line) for line in reply.lines[1:]}
        # RFC 5321 3.2: a server that does not know EHLO is asked with HELO, and offers nothing.
        await wire.command(b"HELO " + self._fqdn.encode("ascii"))
        self._accept(await wire.reply())
        return set()

    async def _address(self, wire: Wire) -> None:
        self._reach(Step.MAIL)
        await wire.command(b"MAIL FROM:<%b>" % self._envelope.sender.encode("latin-1"))
        self._reach(Step.MAIL_REPLY)
        self._accept(await wire.reply())
        for recipient in self._envelope.recipients:
            self._reach(Step.RCPT)
            await wire.command(b"RCPT TO:<%b>" % recipient.encode("latin-1"))
            self._reach(Step.RCPT_REPLY)
            self._accept(await wire.reply())

    async def _properties(self, wire: Wire) -> None:
        self._reach(Step.XEXCH50)
        # The second figure is 2 with one recipient (KB818222), 3 with two (KB843106): recipients + 1, inferred.
        line = b"XEXCH50 %d %d" % (len(self._envelope.blob), len(self._envelope.recipients) + 1)
        await wire.command(line)
        self._reach(Step.GO_AHEAD)
        reply = await wire.reply()
        if reply.code == 354:
            self._reach(Step.BLOB)
            await wire.binary(self._envelope.blob)
            self._reach(Step.ACKNOWLEDGED)
            reply = await wire.reply()
            if reply.positive:
                return
        if reply.code < 400:
            raise _RefusedError(reply)
        text = reply.lines[-1].rstrip(b"\r\n").decode("latin-1")
        refusal: dict[str, object] = {"command": line.decode("ascii"), "reply": text}
        self._events.add("sender", "xexch50-refused", refusal)
        self._transcript.note(self._loop.time(), "XEXCH50 was refused; the sender goes on without it")
        self._board.failed(self._step)
        self._step = Step.ACKNOWLEDGED

    async def _message(self, wire: Wire, keywords: set[str]) -> None:
        if self._step is not Step.ACKNOWLEDGED:
            self._reach(Step.ACKNOWLEDGED)
        if "CHUNKING" in keywords:
            await wire.chunk(self._envelope.content)
        else:
            await wire.command(b"DATA")
            go_ahead = await wire.reply()
            if go_ahead.code != 354:
                raise _RefusedError(go_ahead)
            await wire.message(self._envelope.content, stuffed(self._envelope.content))
        self._accept(await wire.reply())
        self._delivered = True

    async def _leave(self, wire: Wire) -> None:
        await wire.command(b"QUIT")
        self._reach(Step.QUIT_REPLY)
        self._accept(await wire.reply())
        self._reach(Step.END)

    def _accept(self, reply: Reply) -> None:
        if not reply.positive:
            raise _RefusedError(reply)
