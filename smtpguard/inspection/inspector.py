"""The Inspector: every octet of a session passes this one pure object.

    inspector.start()             -> effects      # once: what the rules say of the connection itself
    inspector.receive(side, data) -> effects      # octets from one side, as they were read
    inspector.shortcut(side)      -> function     # the way of nearly every read: it goes on as it is
    inspector.eof(side)           -> effects      # that side has said all it had to say (FIN)
    inspector.lost(side)          -> effects      # that connection failed: refused, reset, timed out
    inspector.advance(now)        -> effects      # timers; ``deadline`` says when the next one is due
    inspector.tls_started(side)   -> effects      # the TLS that ``StartTls`` asked for is up; ``tls_failed``: it is not
    inspector.drain()             -> effects      # say 421 at the next point where it costs nothing

``now`` is in seconds of any monotonic clock; left out, no time has passed. The same calls with the same generator
give the same effects, always. The caller feeds at most 64 KiB at once (256 KiB of a body that streams through), never
a side between its Pause and Resume, and calls ``advance`` again while ``deadline`` lies in the past: slices that must
not leave in one write come one a call.

Never raises for anything that peers send. After Close or Reset it takes what comes and does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import ClassVar

from smtpguard.inspection import starttls
from smtpguard.inspection.client_flow import ClientFlow
from smtpguard.inspection.commanding import refusal
from smtpguard.inspection.deadlines import Deadlines
from smtpguard.inspection.effects import Close, Effect, Send
from smtpguard.inspection.flow import Flow
from smtpguard.inspection.meter import Meter
from smtpguard.inspection.server_flow import ServerFlow
from smtpguard.inspection.session import Session
from smtpguard.inspection.terms import DEFAULT, Terms
from smtpguard.inspection.wording import SHUTTING_DOWN, TIMED_OUT, UPSTREAM_GONE
from smtpguard.policy.actions import Reject
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.commands import Command
from smtpguard.smtp.sides import CLIENT, SERVER, Side

Shortcut = Callable[[bytes, float], Sequence[Effect] | None]

_RFC_DEADLINES = Deadlines()


class Inspector:
    """One session under one rulebook.

    ``client`` and ``server`` are IP addresses as text, for rules that name networks; ``rng`` draws for rules with a
    probability, made from the policy's seed and the session's ``number`` where none is given; ``tallies`` counts for
    rules whose ``nth`` or ``first`` goes over all sessions of the guard; ``meter``
    counts over all sessions, too; ``terms`` are the listener's.
    """

    __slots__ = ("_client_flow", "_server_flow", "_session")

    session_class: ClassVar[type[Session]] = Session

    def __init__(
        self,
        rulebook: Rulebook,
        *,
        client: str | None = None,
        server: str | None = None,
        rng: Random | None = None,
        number: int = 0,
        tallies: dict[str, int] | None = None,
        deadlines: Deadlines | None = None,
        meter: Meter | None = None,
        terms: Terms = DEFAULT,
    ) -> None:
        self._session = session = self.session_class(
            rulebook,
            client=client,
            server=server,
            rng=rng,
            number=number,
            tallies=tallies if tallies is not None else {},
            deadlines=deadlines if deadlines is not None else _RFC_DEADLINES,
            meter=meter if meter is not None else Meter(),
            terms=terms,
        )
        self._client_flow = session.client_flow = ClientFlow(session, CLIENT, SERVER)
        self._server_flow = session.server_flow = ServerFlow(session, SERVER, CLIENT)

    # --- what happens ------------------------------------------------------------------------------------------

    def start(self, now: float | None = None) -> list[Effect]:
        """The client has connected: what the rules ``on: connect`` say of it."""
        session = self._begin(now)
        session.since = session.now
        if session.rulebook.connect:
            rule = session.judge(session.rulebook.connect, session.facts(Command(b""), line=b""))
            if rule is not None:
                if isinstance(rule.action, Reject):
                    session.fail(refusal(rule))
                else:
                    session.carry_out(rule)
        return session.taken()

    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]:
        """Octets that were read from ``side``."""
        session = self._session
        effects: list[Effect] = []
        session.effects = effects
        if now is not None:
            session.now = now
        if session.closed:
            return effects
        flow = self._client_flow if self._client_flow.side is side else self._server_flow
        behind = flow.forwards(data, session.now)
        if behind is not None:
            effects.append(Send(flow.peer, data))
            effects.extend(behind)
            return effects
        flow.receive(data)
        if session.draining:
            self._drain_if_safe()
        return session.taken()

    def shortcut(self, side: Side) -> Shortcut:
        """The short way of ``receive`` for ``side`` by itself, as ``(data, now)``: where ``receive`` would have given
        these octets for the other side as they are, the effects behind them, mostly none; None where ``receive`` is to
        be asked, with nothing done yet."""
        return self._flow(side).forwards

    def eof(self, side: Side, now: float | None = None) -> list[Effect]:
        """``side`` has closed its sending direction."""
        session = self._begin(now)
        if session.closed:
            return session.taken()
        if session.stalled:
            session.fail(b"")
            return session.taken()
        self._flow(side).eof()
        self._close_if_finished()
        return session.taken()

    def lost(self, side: Side, now: float | None = None) -> list[Effect]:
        """The connection to ``side`` failed. A client whose server is lost hears 421, unless an eaten reply or TLS
        stands in between."""
        session = self._begin(now)
        if not session.closed:
            if side is self._server_flow.side:
                session.fail(self._in_clear(UPSTREAM_GONE))
            else:
                session.fail(b"")
        return session.taken()

    def advance(self, now: float) -> list[Effect]:
        """Time has passed: what was delayed goes on, what was waited for too long ends."""
        session = self._begin(now)
        if session.closed:
            return session.taken()
        self._client_flow.advance(now)
        self._server_flow.advance(now)
        self._close_if_finished()
        which, limit = self._wait()
        if not session.closed and self._due() is None and now >= session.since + limit:
            session.record("timeout", which=which, seconds=limit)
            session.fail(self._in_clear(TIMED_OUT))
        if session.draining:
            self._drain_if_safe()
        return session.taken()

    def tls_started(self, side: Side, now: float | None = None) -> list[Effect]:
        """The handshake that a ``StartTls(side)`` asked for is done."""
        session = self._begin(now)
        if not session.closed:
            starttls.started(session, side)
            if session.draining:
                self._drain_if_safe()
        return session.taken()

    def tls_failed(self, side: Side, why: str, now: float | None = None, *, in_clear: bool = False) -> list[Effect]:
        """The handshake failed; ``in_clear``: the peer's first octet was none of TLS."""
        session = self._begin(now)
        if not session.closed:
            starttls.failed(session, side, why, in_clear)
        return session.taken()

    def drain(self, now: float | None = None, *, at_once: bool = False) -> list[Effect]:
        """The guard shuts down: 421 as soon as no reply is owed and no transaction is open, or ``at_once``."""
        session = self._begin(now)
        session.draining = True
        if at_once:
            session.fail(self._in_clear(SHUTTING_DOWN))
        else:
            self._drain_if_safe()
        return session.taken()

    def refuse(self, reply: bytes, now: float | None = None) -> list[Effect]:
        """The guard ends the session, with ``reply`` as its last word wherever that can be heard."""
        session = self._begin(now)
        session.fail(self._in_clear(reply))
        return session.taken()

    def let_through(self, now: float | None = None) -> list[Effect]:
        """The guard looks at nothing of this session from here on: it is a tunnel."""
        session = self._begin(now)
        session.tunnel()
        return session.taken()

    def reached(self, server: str | None, terms: Terms) -> None:
        """Another server than was meant takes the session, before it has said a word: its address, where that is
        known, and the terms towards it."""
        self._session.reached(server, terms)

    def part(self) -> None:
        """The session is over and its summary taken: nothing may be asked any more. Its parts know one another; they
        let go here, so that their memory is free at once and still warm for the next session."""
        self._session.client_flow.part()
        del self._session.client_flow, self._session.server_flow

    # --- what is so --------------------------------------------------------------------------------------------

    @property
    def deadline(self) -> float | None:
        """When ``advance`` is due next, on the clock of ``now``; None when the session is over."""
        if self._session.closed:
            return None
        due = self._due()
        return due if due is not None else self._session.since + self._wait()[1]

    @property
    def delayed(self) -> bool:
        """Whether a rule holds something back: the deadline may then lie closer than the shortest time-out."""
        return self._client_flow.delayed or self._server_flow.delayed

    @property
    def held(self) -> int:
        """Octets held now, both directions together."""
        return self._client_flow.octets_held + self._server_flow.octets_held

    @property
    def payload_octets(self) -> int | None:
        """Octets from the client so far, where it is in the middle of a payload; else None."""
        if self._session.closed or self._wait()[0] != "payload":
            return None
        return self._flow(CLIENT).octets

    @property
    def policy(self) -> str:
        """The name of the policy that the session is under."""
        return self._session.rulebook.name

    @property
    def closed(self) -> bool:
        """Whether Close or Reset was said."""
        return self._session.closed

    def summary(self) -> dict[str, object]:
        """Counts of the session, for the journal."""
        session = self._session
        counts = session.counts
        return {
            "octets_from_client": self._flow(CLIENT).octets,
            "octets_from_server": self._flow(SERVER).octets,
            "commands": session.commands,
            "replies": session.replies,
            "messages_accepted": counts.get("messages_accepted", 0),
            "messages_refused": counts.get("messages_refused", 0),
            "decisions": counts.get("decisions", 0),
            "verdicts": dict(session.verdicts),
            "observed": dict(session.observed),
            "violations": counts.get("violations", 0),
            "tls": session.dialogue.tls,
            "tunnelled": session.tunnelled,
            "stalled": session.stalled,
        }

    # --- inside ------------------------------------------------------------------------------------------------

    def _begin(self, now: float | None) -> Session:
        session = self._session
        session.effects = []
        if now is not None:
            session.now = now
        return session

    def _flow(self, side: Side) -> Flow:
        return self._client_flow if self._client_flow.side is side else self._server_flow

    def _due(self) -> float | None:
        client, server = self._client_flow.due, self._server_flow.due
        if client is None or server is None:
            return server if client is None else client
        return min(client, server)

    def _wait(self) -> tuple[str, float]:
        """What the session waits for now, and how many seconds it may."""
        session = self._session
        limits = session.deadlines
        if session.tunnelled:
            return "tunnel", limits.tunnel
        if session.stalled or session.blind:
            return "stalled", limits.stalled
        pending = session.dialogue.pending
        if not pending:
            return "command", limits.command
        head = pending[0]
        if not head.complete:
            return "payload", limits.data_block
        if head.stage == "greeting":
            return "greeting", limits.greeting
        if head.stage in ("text", "chunk", "blob"):
            return "message-end", limits.message_end
        if head.command.spec.payload in ("text", "blob"):
            return "data-init", limits.data_init
        return "reply", limits.reply

    def _close_if_finished(self) -> None:
        session = self._session
        if self._client_flow.finished and self._server_flow.finished and not session.closed:
            session.closed = True
            session.effects.append(Close())

    def _drain_if_safe(self) -> None:
        session = self._session
        dialogue = session.dialogue
        idle = not dialogue.pending and dialogue.envelope.mail is None and self._client_flow.at_command
        if session.stalled or (idle and self._server_flow.due is None):
            session.fail(SHUTTING_DOWN)

    def _in_clear(self, reply: bytes) -> bytes:
        """``reply``, or nothing where the client would take it for a word of TLS or of the server's."""
        session = self._session
        if session.tls_stage is SERVER:
            return reply
        return b"" if session.tunnelled or session.tls_stage is CLIENT or self._server_flow.before_tls else reply
