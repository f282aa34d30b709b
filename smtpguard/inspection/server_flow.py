"""What the server says: replies, each paired with the exchange at the head of the queue, and what they bring about."""

from __future__ import annotations

from collections.abc import Sequence

from smtpguard.inspection import answering, starttls
from smtpguard.inspection.effects import NOTHING, Effect
from smtpguard.inspection.flow import Flow
from smtpguard.inspection.session import Session
from smtpguard.inspection.wording import UPSTREAM_GONE, reply_line
from smtpguard.policy.actions import Advertise, Delay, Eat, Reject, Rewrite, Slice
from smtpguard.policy.rulebook import Rule
from smtpguard.smtp.commands import Command
from smtpguard.smtp.dialogue import Exchange
from smtpguard.smtp.replies import HELD_REPLY, Reply, ReplyReader, faultless
from smtpguard.smtp.sides import SERVER, Side
from smtpguard.smtp.verbs import UNKNOWN

_NO_COMMAND = Command(b"")


class ServerFlow(Flow):
    """Reads the server's side."""

    __slots__ = ("_reader", "_settling", "_unsent")

    def __init__(self, session: Session, side: Side, peer: Side) -> None:
        super().__init__(session, side, peer)
        self._read = ServerFlow._read_reply
        self._reader = ReplyReader()
        self._settling = False
        self._unsent = b""  # of a reply under judgement: it goes out first if the session becomes a tunnel

    @property
    def octets_held(self) -> int:
        """Octets that wait in this direction."""
        return super().octets_held + self._reader.held

    # --- reading -----------------------------------------------------------------------------------------------

    def forwards(self, data: bytes, now: float) -> Sequence[Effect] | None:
        """One whole reply that no rule looks at, with nothing else owed."""
        session = self.session
        pending = session.dialogue.pending
        if (
            self._read is not _READ_REPLY
            or len(pending) != 1
            or self.held
            or self._agenda
            or self._reader.held
            or session.draining
            or self.side is not SERVER
        ):
            return None
        found = faultless(data, 0)
        if found is None or found[1] != len(data) or found[1] > HELD_REPLY:
            return None
        head = pending[0]
        code = found[0]
        if self._plain(head, code):
            if session.client_flow.waiting:
                return None
            self.octets += len(data)
            session.now = now
            self._answer_plain(head, code)
            return NOTHING
        if not self._unruled(head, code):
            return None
        self.octets += len(data)
        session.now = now
        effects: list[Effect] = []
        session.effects = effects
        session.replies += 1
        session.meter.reply(now - session.since)
        self._delivered(head, Reply(data, code))
        return effects

    def _read_reply(self, data: bytes, position: int) -> int:
        # A line that comes octet by octet is not searched anew for each of them.
        if not self._reader.held and data.find(b"\n", position) >= 0:
            found = faultless(data, position)
            if found is not None and found[1] - position <= HELD_REPLY:
                code, end = found
                raw = data if end - position == len(data) else data[position:end]
                if not self._pass_plain(raw, code):
                    self._take_whole(Reply(raw, code))
                return self._after_reply(data, end)
        return self._read_line(data, position)

    def _plain(self, head: Exchange, code: int) -> bool:
        """Whether a reply of this code to ``head`` is of the kind of nearly every one: it answers a plain command, and
        no rule looks at it."""
        spec = head.command.spec
        if 300 <= code < 400 or head.stage != "command" or spec.waits or head.own is not None or head.eaten:
            return False
        rulebook = self.session.rulebook
        if spec is UNKNOWN:
            return not (rulebook.judges_replies or head.withheld)
        if spec.name not in rulebook.plain_replies or head.withheld:
            return False
        return not (spec.change == "hello" and code < 300 and self.session.edits_hello)

    def _unruled(self, head: Exchange, code: int) -> bool:
        """Whether a reply of this code to ``head`` goes on unseen by any rule, though it decides what comes next: the
        greeting, the go-ahead for a text, the verdict on a text or chunk."""
        rulebook = self.session.rulebook
        if head.own is not None or head.eaten or not head.complete:
            return False
        if head.stage == "greeting":
            return code < 300 and not rulebook.greeting
        spec = head.command.spec
        if spec.name not in rulebook.plain_replies:
            return False
        if head.stage == "command":
            return spec.payload == "text" and not head.withheld and (code == 354 or not 300 <= code < 400)
        return head.stage in ("text", "chunk") and not 300 <= code < 400 and not rulebook.message

    def _answer_plain(self, head: Exchange, code: int) -> None:
        session = self.session
        if head.command.spec.change and code < 300:
            session.dialogue.accepted(head.command, session.now)
        session.replies += 1
        session.meter.reply(session.now - session.since)
        session.since = session.now
        session.dialogue.pending.popleft()

    def _pass_plain(self, raw: bytes, code: int) -> bool:
        """Pass on a reply to a plain command. False when it answers no such."""
        session = self.session
        pending = session.dialogue.pending
        if not pending or not self._plain(pending[0], code):
            return False
        self._answer_plain(pending[0], code)
        session.send(self.peer, raw)
        if pending or session.client_flow.waiting:
            self.settle()
        return True

    def _after_reply(self, data: bytes, end: int) -> int:
        """Where to read on; a TURN that was accepted gives the rest to the other role."""
        if not self.session.swapped:
            return end
        self.session.swapped = False
        answering.swap_roles(self.session, data[end:])
        return len(data)

    def _take_whole(self, reply: Reply) -> None:
        self._unsent = reply.raw
        self._take(reply)
        self._unsent = b""

    def _read_line(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position) + 1
        if (end or len(data) + 1) - position + self._reader.held > HELD_REPLY:
            self.session.violation("endless-reply", _NO_COMMAND)
            return position
        if not end:
            return -1
        line = data if end - position == len(data) else data[position:end]
        reply = self._reader.feed(line)
        if reply is None:
            return end
        self._take_whole(reply)
        return self._after_reply(data, end)

    def _read_before_tls(self, data: bytes, position: int) -> int:
        # TLS's first word is the client's: whatever the server says in between was never meant for TLS.
        self.session.violation("starttls-reply-injection", Command(b"STARTTLS\r\n"))
        return position

    @property
    def before_tls(self) -> bool:
        """Whether the 220 to STARTTLS is out and TLS has not begun: nothing may be said in clear now."""
        return self._read is ServerFlow._read_before_tls

    def expect_tls(self) -> None:
        """The 220 to STARTTLS is out: the server must be silent until the client has spoken."""
        self._read = ServerFlow._read_before_tls

    # --- one reply ---------------------------------------------------------------------------------------------

    def _take(self, reply: Reply) -> None:
        session = self.session
        pending = session.dialogue.pending
        head = pending[0] if pending else None
        command = head.command if head is not None else _NO_COMMAND
        session.replies += 1
        session.meter.reply(session.now - session.since)
        doubt = reply.fault if reply.fault != "reply-misprint" else ""
        if not doubt:
            first = reply.raw.split(b"\r\n")[0] if reply.fault else b""
            if first and session.violation(reply.fault, command, first[:80].decode("latin-1")):
                return
            doubt = answering.doubt(head, reply)
        if doubt:
            # Exchange closes an idle session with a 451 nobody asked for: such last words are worth more than ours.
            last_words = reply.raw if doubt == "unsolicited-reply" and 400 <= reply.code < 500 else b""
            session.violation(doubt, command, str(reply.code), last_words=last_words)
        elif head is None:
            session.send(self.peer, reply.raw)
        else:
            self._judge(head, reply)

    def _judge(self, head: Exchange, reply: Reply) -> None:
        session = self.session
        rules = answering.rules_for(session, head) if session.rulebook.judges_replies else ()
        if rules:
            line = reply.raw.rstrip(b"\r\n")
            size = answering.message_size(session, head)
            facts = session.facts(head.command, line=line, code=reply.code, size=size)
            facts.split_end = head.split_end
            for part in rules:
                rule = session.judge(part, facts)
                if session.closed:
                    return
                if rule is not None:
                    self._apply(rule, head, reply)
                    return
        self._deliver(head, reply, reply.raw)

    def _apply(self, rule: Rule, head: Exchange, reply: Reply) -> None:
        session = self.session
        action = rule.action
        if isinstance(action, Eat):
            session.dialogue.pending[0].eaten = True
            session.stall(self.side, head.command.name, "reply eaten")
        elif isinstance(action, Delay):
            self._unsent = b""
            due = session.now + action.seconds
            self.later(due, lambda: self._deliver_late(head, reply), len(reply.raw))
        elif isinstance(action, Slice):
            self._deliver(head, reply, reply.raw, action.octets, action.seconds)
        elif isinstance(action, Rewrite | Reject) or answering.masks(rule):
            raw = answering.altered(rule, reply)
            if answering.sets_at_odds(head, reply, raw) and session.contain(rule, ValueError()):
                return
            self._deliver(head, reply, reply.raw if answering.sets_at_odds(head, reply, raw) else raw)
        elif isinstance(action, Advertise):
            made = answering.advertised(action, reply)
            self._deliver(head, made, made.raw)
        else:
            session.carry_out(rule)

    def _deliver_late(self, head: Exchange, reply: Reply) -> None:
        """The delay of a reply is over, by the clock or because all became a tunnel."""
        session = self.session
        if session.tunnelled:
            session.send(self.peer, reply.raw)
            return
        self._unsent = reply.raw
        self._deliver(head, reply, reply.raw)
        self._unsent = b""
        if session.swapped:
            held, self.held = self.held, b""
            self._after_reply(held, 0)

    def _deliver(self, head: Exchange, reply: Reply, raw: bytes, piece: int = 0, pause: float = 0.0) -> None:
        """The reply reaches the client, and what it decides comes about."""
        session = self.session
        if reply.code == 220 and head.command.verb == "STARTTLS" and session.terms.starttls == "bridge":
            self._unsent = b""
            starttls.server_agreed(session, head, raw)
            return
        hello = head.command.spec.change == "hello" and head.command.verb != "HELO"  # whose reply lists nothing
        if hello and reply.code == 250 and session.edits_hello:
            if session.terms.edits_keywords and raw is reply.raw:
                reply = starttls.offered(session, reply)
                raw = reply.raw
            if session.rulebook.keyword:
                raw = answering.judge_keywords(session, head.command, reply, raw)
            if session.closed or session.stalled or session.tunnelled:
                return
        if head.withheld and reply.positive and not session.rulebook.lies:
            raw = reply_line(451, "4.3.0", "The message was kept back", head.withheld)
        self._unsent = b""
        self.emit(raw, piece, pause)
        self._delivered(head, reply)

    def _delivered(self, head: Exchange, reply: Reply) -> None:
        """The reply is out: what it decides comes about."""
        session = self.session
        session.since = session.now
        if session.dialogue.lmtp and head.owed == 1 and not head.answered and answering.ends_message(head):
            head.owed = session.dialogue.message_replies()
        head.answered = True
        head.owed -= 1
        if head.owed <= 0:
            session.dialogue.pending.popleft()
        answering.consequences(session, head, reply)
        self.settle()

    def settle(self) -> None:
        """Let our own replies out that have reached the head; stall behind one that was eaten."""
        if self._agenda:
            # Behind what is delayed, once: two of these in the agenda would wait for each other for ever.
            if not self._settling:
                self._settling = True
                self.later(self._agenda[-1][0], self._settle_at_last)
            return
        session = self.session
        if session.closed or session.tunnelled or session.stalled:
            return
        pending = session.dialogue.pending
        while pending:
            exchange = pending[0]
            own = exchange.own
            if own is None or not exchange.complete:
                break
            pending.popleft()
            session.since = session.now
            if exchange.command.verb == "STARTTLS":
                own = starttls.own_turn(session, exchange, own)
                if not own:
                    continue
            session.send_own(own)
        if pending and pending[0].eaten:
            session.stalled = True
            self.swallow()
            if session.client_flow.ended:
                session.fail(b"")
            return
        session.client_flow.catch_up()

    def _settle_at_last(self) -> None:
        self._settling = False
        self.settle()

    def begin_in_tls(self) -> None:
        """TLS is up: the next octet begins a reply."""
        self._read = ServerFlow._read_reply
        self._reader = ReplyReader()

    def flush_own(self) -> None:
        """A reply of our own was added."""
        if len(self.session.dialogue.pending) == 1 or self.session.dialogue.pending[0].own is not None:
            self.settle()

    # --- ends --------------------------------------------------------------------------------------------------

    def begin_anew(self) -> None:
        """A new session begins on the other side (TURN)."""
        self._read = ServerFlow._read_reply
        self._reader = ReplyReader()

    def finish(self) -> None:
        """The server closed. Under a policy that alters nothing its FIN passes; else the client hears 421 where a
        reply is owed, and both connections close."""
        session = self.session
        cut = self.octets_held and not session.tunnelled
        if cut and session.violation("cut-reply", _NO_COMMAND, f"{self.octets_held} octets"):
            return
        if session.rulebook.transparent or session.tunnelled:
            session.open_up()
            if not self.finished:
                self._send_finish()
            return
        owed = bool(session.dialogue.pending)
        session.fail(UPSTREAM_GONE if owed and not session.stalled else b"")
        self.finished = True

    def release(self) -> None:
        """What is held goes out as it came: whole lines, then the piece of one."""
        early = self._unsent + self._reader.take()
        self._unsent = b""
        if early:
            self.session.send(self.peer, early)
        super().release()


_READ_REPLY = ServerFlow._read_reply
