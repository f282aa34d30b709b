"""Steps 6 to 13 for one message: MAIL, RCPT, XEXCH50 with its blob where offered, the message by BDAT or DATA.

A 4xx or 5xx to XEXCH50 does no harm: the sender goes on with the message (the tech tip of 2008). A recipient that is
refused does not keep the others from their mail. Where a blob was answered 5xx behind its 354 and the message then too
with a syntax error (500 to 503), sender and server no longer agree what a command is; that ends the attempt and is no
verdict on the message. Replies of the RCPT commands are read one each, also when the commands went as a group.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtpguard.lab.sender.attempt import Course, Refusal, RefusedError, last_line
from smtpguard.lab.sender.connection import Connection, accepted
from smtpguard.lab.sender.envelope import Envelope
from smtpguard.lab.sender.offer import Offer
from smtpguard.lab.sender.settings import SenderSettings
from smtpguard.lab.sender.steps import Step
from smtpguard.lab.sender.wire import AttemptError
from smtpguard.lab.text import stuffed
from smtpguard.smtp.replies import Reply

OUT_OF_STEP = "The remote host took the message's properties for commands."

OURS = ("OUT_OF_STEP",)

_GO_AHEAD = 354
_SYNTAX = range(500, 504)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Who gets the message, and who not. ``refusal``: what the server said when no one gets it."""

    accepted: tuple[str, ...]
    refused: tuple[Refusal, ...]


class Transaction:
    """Carries ``envelope`` over ``connection``; raises ``AttemptError`` when the connection fails."""

    def __init__(
        self, connection: Connection, offer: Offer, settings: SenderSettings, envelope: Envelope, course: Course
    ) -> None:
        self._connection = connection
        self._offer = offer
        self._settings = settings
        self._envelope = envelope
        self._course = course
        self._refused: list[Refusal] = []
        self._suspect = False  # a blob was refused behind its 354

    async def run(self) -> Verdict:
        """Carry the message; its verdict."""
        recipients: tuple[str, ...] = self._envelope.recipients
        try:
            await self._mail()
            recipients = await self._recipients()
            if recipients:
                await self._properties(len(recipients))
                await self._message()
                return Verdict(recipients, tuple(self._refused))
        except RefusedError as refusal:
            self._refused += [Refusal(recipient, refusal.code, refusal.text) for recipient in recipients]
        self._course.board.give_up()
        return Verdict((), tuple(self._refused))

    async def _mail(self) -> None:
        self._course.board.reach(Step.MAIL)
        await self._connection.wire.command(b"MAIL FROM:<%b>" % self._envelope.sender.encode("latin-1"))
        self._course.board.reach(Step.MAIL_REPLY)
        accepted(await self._connection.reply())

    async def _recipients(self) -> tuple[str, ...]:
        """Name every recipient; those that the server took."""
        lines = [b"RCPT TO:<%b>" % recipient.encode("latin-1") for recipient in self._envelope.recipients]
        in_group = self._settings.pipelining and "PIPELINING" in self._offer
        self._course.board.reach(Step.RCPT)
        if in_group:
            await self._connection.wire.commands(lines)
            self._course.board.reach(Step.RCPT_REPLY)
        taken: list[str] = []
        for recipient, line in zip(self._envelope.recipients, lines, strict=True):
            if not in_group:
                await self._connection.wire.command(line)
                self._course.board.reach(Step.RCPT_REPLY)
            reply = await self._connection.reply()
            if reply.positive:
                taken.append(recipient)
            else:
                self._refuse(recipient, reply)
        return tuple(taken)

    def _refuse(self, recipient: str, reply: Reply) -> None:
        refusal = Refusal(recipient, reply.code, last_line(reply))
        self._refused.append(refusal)
        self._connection.record(
            "recipient-refused", recipient=recipient, reply=refusal.text, permanent=refusal.permanent
        )

    async def _properties(self, recipients: int) -> None:
        """XEXCH50, where it is offered and wanted."""
        if "XEXCH50" not in self._offer or not self._settings.uses_xexch50(self._connection.domain):
            return
        board, blob = self._course.board, self._envelope.blob
        board.reach(Step.XEXCH50)
        # The second figure is 2 with one recipient (KB818222), 3 with two (KB843106): recipients + 1, inferred.
        line = b"XEXCH50 %d %d" % (len(blob), recipients + 1)
        await self._connection.wire.command(line)
        board.reach(Step.GO_AHEAD)
        reply = await self._connection.reply()
        if reply.code == _GO_AHEAD:
            board.reach(Step.BLOB)
            await self._connection.wire.binary(blob)
            board.reach(Step.ACKNOWLEDGED)
            reply = await self._connection.reply()
            if reply.positive:
                return
            self._suspect = reply.code >= 500
        if reply.code < 400:
            raise RefusedError(reply)
        self._connection.record("xexch50-refused", command=line.decode("ascii"), reply=last_line(reply))
        self._course.transcript.note(self._connection.wire.now, "XEXCH50 was refused; the sender goes on without it")
        board.give_up()
        board.at(Step.ACKNOWLEDGED)

    async def _message(self) -> None:
        if self._course.board.current is not Step.ACKNOWLEDGED:
            self._course.board.reach(Step.ACKNOWLEDGED)
        wire, content = self._connection.wire, self._envelope.content
        if self._settings.content == "bdat" and "CHUNKING" in self._offer:
            await wire.chunk(content)
        else:
            await wire.command(b"DATA")
            go_ahead = await self._connection.reply()
            if go_ahead.code != _GO_AHEAD:
                await self._judge(go_ahead)
                raise RefusedError(go_ahead)
            await wire.message(content, stuffed(content), split_end=self._settings.split_end)
        reply = await self._connection.reply()
        await self._judge(reply)
        accepted(reply)
        self._course.board.ok(Step.ACKNOWLEDGED)

    async def _judge(self, reply: Reply) -> None:
        if self._suspect and reply.code in _SYNTAX:
            self._connection.record("out-of-step", reply=last_line(reply))
            await self._connection.wire.overhear()  # the rest of the burst, for those who read the transcript
            raise AttemptError(OUT_OF_STEP)
