"""The sending server: opens a connection and carries over it what the queue hands out, message by message.

Several messages go over one connection, without RSET between them unless the one before was refused (KB308350); QUIT
comes when the queue has no more for this connection (KB818222 step 13). Once a message is acknowledged it is delivered,
whatever becomes of QUIT. Nothing that a peer does raises here: an attempt's result says how far it came and why it
ended.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Protocol

from smtpguard.lab.queue.ndr import status_of
from smtpguard.lab.sender.attempt import Attempt, Course, Refusal, RefusedError
from smtpguard.lab.sender.connection import Connection
from smtpguard.lab.sender.envelope import Envelope
from smtpguard.lab.sender.hello import introduce
from smtpguard.lab.sender.ntlm_nonces import Nonces
from smtpguard.lab.sender.offer import Offer
from smtpguard.lab.sender.opening import Opening
from smtpguard.lab.sender.settings import SenderSettings
from smtpguard.lab.sender.steps import Step
from smtpguard.lab.sender.transaction import Transaction, Verdict
from smtpguard.lab.sender.wire import CLOSED, DROPPED, AttemptError


class Feed(Protocol):
    """The queue as the sender sees it. ``settle`` is called once for each message that ``next`` gave out."""

    def next(self) -> Envelope | None:
        """The next message for this connection; None when the sender may leave."""

    def settle(self, attempt: Attempt) -> None:
        """What came of the message given out last, as soon as it is known."""

    def amend(self, attempt: Attempt) -> None:
        """The attempt settled last once more, with the end of its connection."""


class Sender:
    """``silence``: seconds without an octet after which a peer is given up."""

    def __init__(self, settings: SenderSettings, opening: Opening, nonces: Nonces, silence: float) -> None:
        self._settings = settings
        self._nonces = nonces
        self._opening = opening
        self._silence = silence

    async def connect(self, domain: str, feed: Feed) -> None:
        """One connection to ``domain``, from the lookup to QUIT or until it fails."""
        envelope = feed.next()
        if envelope is None:
            return
        await _Session(self._settings, self._nonces, self._silence, feed).run(self._opening, domain, envelope)


class _Session:
    def __init__(self, settings: SenderSettings, nonces: Nonces, silence: float, feed: Feed) -> None:
        self._settings = settings
        self._nonces = nonces
        self._silence = silence
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._course = Course()
        self._connection: Connection | None = None

    async def run(self, opening: Opening, domain: str, envelope: Envelope) -> None:
        try:
            connection = self._connection = await opening.open(domain, self._course)
            offer = await introduce(connection, self._settings, self._nonces, self._course)
        except AttemptError as failure:
            self._fail(failure, begun=False)
        except RefusedError as refusal:
            self._note("refused; the sender ends the session")
            self._course.board.give_up()
            everyone = tuple(Refusal(name, refusal.code, refusal.text) for name in envelope.recipients)
            self._feed.settle(replace(self._judged(Verdict((), everyone)), begun=False, lost=True))
        else:
            await self._carry_all(connection, offer, envelope)
        finally:
            if self._connection is not None:
                await self._connection.wire.close()

    async def _carry_all(self, connection: Connection, offer: Offer, first: Envelope) -> None:
        envelope: Envelope | None = first
        attempt: Attempt | None = None
        while envelope is not None:
            try:
                if attempt is not None:
                    self._course = Course.on_open_connection()
                    connection.turn_to(self._course)
                    await self._clear(connection, attempt)
                verdict = await Transaction(connection, offer, self._settings, envelope, self._course).run()
            except AttemptError as failure:
                return self._fail(failure, begun=True)
            attempt = self._judged(verdict)
            self._feed.settle(attempt)
            envelope = self._feed.next()
        if attempt is not None:
            await self._leave(connection, attempt)
        return None

    async def _clear(self, connection: Connection, previous: Attempt) -> None:
        """Forget a transaction that the server may still hold half of."""
        if previous.accepted:
            return
        try:
            await connection.demand(b"RSET")
        except RefusedError as refusal:
            raise AttemptError(refusal.text) from None

    async def _leave(self, connection: Connection, attempt: Attempt) -> None:
        board = self._course.board
        if attempt.accepted:
            board.reach(Step.QUIT_REPLY)
        try:
            await connection.demand(b"QUIT")
        except AttemptError as failure:
            self._note(self._ending(failure))
            board.give_up()
        except RefusedError:
            board.give_up()
        else:
            if attempt.accepted:
                board.reach(Step.END)
                board.ok(Step.END)
            await connection.wire.leave()
        self._feed.amend(replace(attempt, steps=board.states(), lines=tuple(self._course.transcript.lines)))

    def _judged(self, verdict: Verdict) -> Attempt:
        """The attempt of a message that the server has spoken about."""
        if not verdict.refused:
            return self._attempt(delivered=True, accepted=verdict.accepted, begun=True)
        permanent = not verdict.accepted and all(refusal.permanent for refusal in verdict.refused)
        return self._attempt(
            reason=verdict.refused[0].text,
            permanent=permanent,
            status=status_of(verdict.refused[0].text) if permanent else "",
            accepted=verdict.accepted,
            refused=verdict.refused,
            begun=True,
        )

    def _fail(self, failure: AttemptError, *, begun: bool) -> None:
        """The connection failed, and the attempt with it."""
        if self._connection is not None:
            self._connection.record_end(failure)
        self._note(self._ending(failure))
        self._course.board.give_up()
        self._feed.settle(
            self._attempt(
                reason=failure.reason, permanent=bool(failure.status), status=failure.status, begun=begun, lost=True
            )
        )

    def _attempt(
        self,
        *,
        delivered: bool = False,
        permanent: bool = False,
        reason: str = "",
        status: str = "",
        accepted: tuple[str, ...] = (),
        refused: tuple[Refusal, ...] = (),
        begun: bool = False,
        lost: bool = False,
    ) -> Attempt:
        connection = self._connection
        return Attempt(
            delivered=delivered,
            permanent=permanent,
            reason=reason,
            steps=self._course.board.states(),
            lines=tuple(self._course.transcript.lines),
            status=status,
            accepted=accepted,
            refused=refused,
            connection=0 if connection is None else connection.number,
            exchanger="" if connection is None else connection.remote,
            tls=connection is not None and connection.tls,
            begun=begun,
            lost=lost,
        )

    def _note(self, text: str) -> None:
        self._course.transcript.note(self._loop.time(), text)

    def _ending(self, failure: AttemptError) -> str:
        if failure.silent:
            return f"nothing for {self._silence:g} seconds; the sender closes the connection"
        return CLOSED if failure.reason == DROPPED else failure.reason
