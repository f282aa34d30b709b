"""Payloads of the client: the text of DATA, the octets of BDAT, the blob of XEXCH50, and what the rules make of them.

Where a payload begins its rules are asked once and a sink is chosen; the reader that finds its end stays the same,
whatever becomes of the octets.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smtpguard.inspection import commanding
from smtpguard.inspection.effects import NOTHING, Effect
from smtpguard.inspection.flow import Flow
from smtpguard.inspection.guarded_text import GuardedText
from smtpguard.inspection.lines import LineReader
from smtpguard.inspection.misreading import Misreader
from smtpguard.inspection.payload import OPEN, Sink
from smtpguard.inspection.session import Session
from smtpguard.inspection.wording import TOO_MANY_REFUSED, reply_line
from smtpguard.policy.actions import Cap, Delay, Eat, Misread, Normalise, Slice, Truncate, lets_pass
from smtpguard.policy.rulebook import Facts, Rule
from smtpguard.smtp.commands import Command, blob_size
from smtpguard.smtp.dialogue import Exchange
from smtpguard.smtp.framing import END, CountedReader, TextReader
from smtpguard.smtp.line_ends import Normaliser
from smtpguard.smtp.sides import Side

NO_COMMAND = Command(b"")

MAX_OWN_REPLIES = 1000
"""Commands that the guard answers itself in one session before it has had enough. The figure is Postfix's
smtpd_recipient_limit: a client may have every recipient of a full envelope refused."""


class PayloadFlow(Flow):
    """The part of the client's flow that deals with payloads."""

    __slots__ = (
        "_answered", "_counted", "_guarded", "_line_facts", "_lines", "_misreader", "_payload", "_sink", "_text",
        "_watched",
    )  # fmt: skip

    def __init__(self, session: Session, side: Side, peer: Side) -> None:
        super().__init__(session, side, peer)
        self._answered = 0
        self._payload: Exchange | None = None
        self._text: TextReader
        self._guarded: GuardedText | None = None  # a text that the rules look into
        self._counted: CountedReader
        self._misreader: Misreader | None = None
        self._sink: Sink = OPEN
        self._lines: LineReader | None = None  # of the message, over all its chunks
        self._line_facts: Facts | None = None
        self._watched: LineReader | None = None  # the same while its octets are read, None where no rule asks for lines

    def part(self) -> None:
        """The session is over: let go of what knows us."""
        self._guarded = self._misreader = None

    @property
    def payload_stage(self) -> str:
        """What the payload at hand is: text, chunk or blob; "" outside of one."""
        return self._payload.stage if self._payload is not None else ""

    def expect_command(self) -> None:
        """The next octet begins a command."""
        raise NotImplementedError

    def answer(self, command: Command, reply: bytes) -> None:
        """A reply of our own, in its turn; the server never sees ``command``."""
        self._answered += 1
        if self._answered > MAX_OWN_REPLIES:
            self.session.fail(TOO_MANY_REFUSED)
            return
        self.session.dialogue.push(Exchange("command", command, own=reply))
        self.session.server_flow.flush_own()

    def begin_chunk(self, exchange: Exchange, size: int, *, keep: bool, first: bool = False) -> None:
        """BDAT: ``size`` octets follow whatever the reply; not ``keep``: they are ours to consume, refused by us;
        ``first``: of the message."""
        exchange.stage = "chunk"
        exchange.size = size
        if self.session.rulebook.line and (first or self._lines is None):
            self._lines = LineReader(dots=False)
        if not self._begin(exchange, keep=keep):
            return
        self._counted = CountedReader(size)
        self._read = PayloadFlow._read_counted
        if size == 0:
            self._complete()

    def begin_text(self, command: Command) -> None:
        """354 to DATA: text until CRLF.CRLF."""
        if self.held:
            self.session.violation("early-data", command)
        exchange = self.session.dialogue.push(Exchange("text", command))
        self.session.dialogue.content = command.verb
        if self.session.rulebook.line:
            self._lines = LineReader(dots=True)
        if self._begin(exchange):
            self._text = TextReader()
            self._read = PayloadFlow._read_text
            book = self.session.rulebook
            holds = book.guards_text or self._sink.normaliser is not None
            self._guarded = GuardedText(self, exchange, holds=holds) if holds or book.watched_in_text else None
            if self._guarded is not None:
                self._read = PayloadFlow._read_guarded
            self.resume()

    def begin_blob(self, command: Command) -> None:
        """354 to XEXCH50: exactly so many octets."""
        if self.held:
            self.session.violation("early-blob", command)
        exchange = self.session.dialogue.push(Exchange("blob", command))
        exchange.size = blob_size(command) or 0
        if self._begin(exchange):
            self._counted = CountedReader(exchange.size)
            self._read = PayloadFlow._read_counted
            if exchange.size == 0:
                self._complete()
            self.resume()

    def _begin(self, exchange: Exchange, *, keep: bool = True) -> bool:
        """A payload begins: ask the rules what becomes of it. False when nothing of it is to be read."""
        session = self.session
        if session.closed or session.tunnelled:
            return False
        command = exchange.command
        exchange.complete = False
        self._payload = exchange
        self._sink = OPEN if keep else Sink(keep=0)
        self._watched = self._lines if keep and exchange.stage in ("text", "chunk") else None
        self._line_facts = None
        rules = session.rules_for(session.rulebook.payload, command)
        if rules and keep:
            facts = session.facts(command, line=command.line.rstrip(b"\r\n"), size=exchange.size or None)
            asked = tuple(rule for rule in rules if not commanding.caps_announced(rule, command))
            rule = session.judge(asked, facts, deferred=True)
            if rule is not None:
                self._apply(rule, exchange)
        if exchange.eaten or session.closed or session.tunnelled or session.stalled or session.blind:
            return False
        self.waiting = False
        return True

    def _apply(self, rule: Rule, exchange: Exchange) -> None:
        """Carry out what a rule says of a payload that begins."""
        session = self.session
        action = rule.action
        kept = lets_pass(action)
        if isinstance(action, Eat):
            self._payload = None
            session.eat(exchange, "payload eaten")
        elif kept is not None:
            self._sink = Sink(keep=kept, rule=rule)
        elif isinstance(action, Slice):
            self._sink = Sink(piece=action.octets, pause=action.seconds)
        elif isinstance(action, Normalise):
            if exchange.command.spec.payload == "text":
                self._sink = Sink(normaliser=Normaliser(), rule=rule)
        elif isinstance(action, Misread):
            self._misread(exchange, action)
        elif isinstance(action, Delay):
            self.later(session.now + action.seconds, lambda: None)
        elif commanding.refuses(action):
            session.fail(commanding.refusal(rule))
        else:
            session.carry_out(rule)

    def _misread(self, exchange: Exchange, action: Misread) -> None:
        """The box knows of no payload here, and of no reply to one."""
        self._payload = None
        exchange.complete = True
        if action.into == "commands":
            self.session.dialogue.pending.remove(exchange)
        self.session.blind = True
        self._misreader = Misreader(self, action)
        self._read = PayloadFlow._read_misread
        self.resume()

    def _read_misread(self, data: bytes, position: int) -> int:
        misreader = self._misreader
        return misreader.read(data, position) if misreader is not None else len(data)

    def _forwards_payload(self, data: bytes, now: float) -> Sequence[Effect] | None:
        """A read that is payload from its first octet to its last, and goes on as it is; else None."""
        payload = self._payload
        if payload is None or self._sink is not OPEN or self._watched is not None:
            return None
        if self._read is _READ_TEXT:
            text = self._text
            end = text.look(data)
            if text.fresh or (end >= 0 and end != len(data)):
                return None
            text.take(data, 0, end)
            if end >= 0:
                payload.size = text.size
                payload.split_end = end < len(END)
        elif self._read is _READ_COUNTED and len(data) <= self._counted.left:
            end = self._counted.feed(data)
        else:
            return None
        self.octets += len(data)
        session = self.session
        session.now = session.since = now
        if end >= 0:
            self._complete()
        return NOTHING

    def _read_text(self, data: bytes, position: int) -> int:
        text = self._text
        end = text.feed(data, position)
        for near in text.fresh:
            # What came before the octet that shows it goes out first, however the stream was cut.
            stopped = self._pass_payload(data, position, near.octet)
            if stopped >= 0:
                return stopped
            position = near.octet
            command = self._payload.command if self._payload is not None else NO_COMMAND
            if self.session.closed or self.session.violation("smuggling", command, near.form):
                return position
        stopped = self._pass_payload(data, position, end)
        if stopped >= 0:
            return stopped
        if end >= 0 and self._payload is not None:
            self._payload.size = text.size
            self._payload.split_end = end - position < len(END)
            self._complete()
        return end if end >= 0 else len(data)

    def _read_guarded(self, data: bytes, position: int) -> int:
        guarded = self._guarded
        return guarded.read(data, position) if guarded is not None else len(data)

    def pass_text(self, data: bytes, position: int, stop: int, *, raw: bool = False) -> int:
        """Send on a part of a guarded text, as ``_pass_payload``; ``raw``: as it came, whatever a rule says."""
        self.session.since = self.session.now
        if position >= stop:
            return -1
        if raw and self._sink.normaliser is not None:
            self._sink = OPEN
        return self._pass_payload(data, position, stop)

    def text_is_whole(self, *, split: bool) -> None:
        """The real end of a guarded text is here and has been sent on; ``split``: it came in more than one read."""
        self._guarded = None
        if self._payload is not None:
            self._payload.split_end = split
            self._complete()

    def swallow(self) -> None:
        """Read on and forget. What is half out goes first: it came before that which ends it, and where it had been
        read by itself it would have left at once (law 2)."""
        self.finish_piece()
        super().swallow()

    def release(self) -> None:
        """What is held goes out as it came, what was kept back of a text first."""
        kept = self._take_kept()
        if kept:
            self.emit(kept)
        super().release()

    def _take_kept(self) -> bytes:
        """What is kept back of a text: what a normaliser holds, and octets that may yet be its end."""
        normaliser, rule = self._sink.normaliser, self._sink.rule
        observed = rule is not None and rule.observe
        kept = normaliser.rest() if normaliser is not None and not observed else b""
        return kept + (self._guarded.take_kept() if self._guarded is not None else b"")

    def _read_counted(self, data: bytes, position: int) -> int:
        end = self._counted.feed(data, position)
        stopped = self._pass_payload(data, position, end)
        if stopped >= 0:
            return stopped
        if end >= 0 and self._payload is not None:
            self._complete()
        return end if end >= 0 else len(data)

    def _pass_payload(self, data: bytes, position: int, end: int) -> int:
        """Send on what came up to ``end`` (-1: all). Gives -1, or from where nothing is payload any more: a rule about
        a line, or one that acts behind so many octets, has ended it."""
        session = self.session
        session.since = session.now
        if self._watched is not None:
            return self._pass_by_lines(self._watched, data, position, end if end >= 0 else len(data))
        self._pass_part(data[position:end] if end >= 0 else data[position:] if position else data)
        return position if session.over else -1

    def _pass_by_lines(self, lines: LineReader, data: bytes, position: int, stop: int) -> int:
        session = self.session
        while (index := lines.seek(data, position, stop)) >= 0:
            self._pass_part(data[position:index])
            position = index
            if not session.over:
                self._judge_line(lines)
            if session.over:
                return position
        self._pass_part(data[position:stop])
        return position if session.over else -1

    def _judge_line(self, lines: LineReader) -> None:
        session = self.session
        facts = self._line_facts
        if facts is None:
            # Once a payload: all else that a rule may ask stays the same in it, and there are many lines.
            command = self._payload.command if self._payload is not None else NO_COMMAND
            facts = self._line_facts = replace(session.facts(command, line=b""))
        facts.line = lines.line
        facts.length = lines.length
        facts.section = lines.section
        rule = session.judge(session.rulebook.line, facts)
        if rule is not None and not session.closed:
            session.carry_out(rule)

    def _pass_part(self, part: bytes) -> None:
        session = self.session
        sink = self._sink
        if sink is OPEN:
            if part:
                session.send(self.peer, part)
            return
        if sink.normaliser is not None:
            self._pass_normalised(part, sink.normaliser)
            return
        passed = sink.take(part)
        if passed:
            self.emit(passed, sink.piece, sink.pause)
        if sink.cut and sink.rule is not None and self._payload is not None:
            self._cut(sink, sink.rule, part[len(passed) :])

    def _pass_normalised(self, part: bytes, normaliser: Normaliser) -> None:
        session = self.session
        payload, rule = self._payload, self._sink.rule
        passed = normaliser.feed(part)
        if normaliser.altered and rule is not None and payload is not None:
            # Only now is it a decision.
            session.record_decision(rule, session.facts(payload.command, line=b""))
            self._sink.rule = None
            if rule.observe:
                self._sink = OPEN
        observed = rule is not None and rule.observe
        passed = part if observed else passed
        if passed:
            session.send(self.peer, passed)

    def _cut(self, sink: Sink, rule: Rule, rest: bytes) -> None:
        """Octets went past what a rule lets through: now it is a decision."""
        session = self.session
        payload = self._payload
        if payload is None:
            return
        command = payload.command
        session.record_decision(
            rule, session.facts(command, line=command.line.rstrip(b"\r\n"), size=payload.size or None)
        )
        if rule.observe:
            session.would_end = session.would_end or rule.id
            self._sink = OPEN
            session.send(self.peer, rest)
        elif isinstance(rule.action, Cap):
            session.fail(reply_line(552, "5.3.4", "Message too big", rule.id))
        elif isinstance(rule.action, Truncate):
            sink.rule = None  # recorded once; the rest is swallowed in silence
        else:
            self._payload = None  # nothing is complete any more
            session.carry_out(rule)

    def _complete(self) -> None:
        """The last octet of a payload is here: its reply is due now."""
        session = self.session
        exchange, self._payload = self._payload, None
        if exchange is None:
            return
        exchange.complete = True
        session.since = session.now
        self.expect_command()
        if exchange.own is not None:
            return
        if self._sink.cut and not session.closed:
            # The server waits for octets that never come and would take any later ones for them.
            session.eat(exchange, "payload truncated")


_READ_TEXT = PayloadFlow._read_text
_READ_COUNTED = PayloadFlow._read_counted
