"""What the client says: command lines, AUTH lines, TLS; and the octets that wait until a reply says what they are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial

from smtpguard.inspection import commanding
from smtpguard.inspection.effects import NOTHING, Effect
from smtpguard.inspection.flow import HELD_OCTETS
from smtpguard.inspection.payload_flow import NO_COMMAND, PayloadFlow
from smtpguard.inspection.session import Session
from smtpguard.inspection.wording import BAD_LINE, HELLO_FIRST, TOO_MANY_BAD_LINES, closing_reply
from smtpguard.policy.actions import Cap, Close, Delay, Drop, Reset, Slice, Truncate
from smtpguard.policy.rulebook import Rule
from smtpguard.smtp.commands import Command
from smtpguard.smtp.dialogue import Exchange
from smtpguard.smtp.sides import CLIENT, Side
from smtpguard.smtp.verbs import HELD_LINE, LINE

MAX_PENDING = 256
"""Replies that may be owed at once: a client that pipelines further is not read until the server has caught up."""

MAX_BAD_LINES = 20
"""Malformed lines that are answered 500 before the session ends; Postfix's smtpd_hard_error_limit is the same."""

_BEFORE_HELLO = frozenset(("NOOP", "QUIT", "RSET"))
_TLS_HANDSHAKE = 0x16
_BREAKS = b" \r"
_VERB_AND_MORE = re.compile(rb"[ \t\v\f]*[^ \t\v\f\r\n]+[ \t\v\f\r\n]")


def malformed(line: bytes) -> str:
    """What is wrong with the octets of a command line: bare LF at its end, NUL or bare CR in it; "" if nothing."""
    if line[-2:] != b"\r\n":
        return "bare-lf"
    if b"\0" in line:
        return "nul"
    return "bare-cr" if line.find(b"\r") != len(line) - 2 else ""


class ClientFlow(PayloadFlow):
    """Reads the client's side."""

    __slots__ = ("_bad_lines", "_broken_group", "_hello_due", "_sasl", "verb_split")

    def __init__(self, session: Session, side: Side, peer: Side) -> None:
        super().__init__(session, side, peer)
        self._read = ClientFlow._read_early
        self._sasl = False
        self._bad_lines = 0
        self._hello_due = False  # TLS is up, and the server still knows what was said in clear
        self._broken_group: Exchange | None = None  # the last command that was refused for where it stood in a group
        self.verb_split = False  # the verb of the line at hand came in more than one read

    @property
    def state(self) -> str:
        """The session's state as policies name it."""
        if self._payload is not None:
            return "payload"
        return "auth" if self._sasl else self.session.dialogue.state

    @property
    def at_command(self) -> bool:
        """Whether the next octet begins a command and none has come yet."""
        return self._reads_commands and not (self.waiting or self.held or self._agenda)

    @property
    def _reads_commands(self) -> bool:
        return self._read is ClientFlow._read_command or self._read is ClientFlow._read_first_hello

    # --- commands ----------------------------------------------------------------------------------------------

    def forwards(self, data: bytes, now: float) -> Sequence[Effect] | None:
        """One plain command of a client that waits for its replies, or a piece of a payload that no rule looks into:
        nearly all are, and this sets what a session costs."""
        session = self.session
        dialogue = session.dialogue
        if self.held or self._agenda or session.draining or self.side is not CLIENT:
            return None
        if self._read is not _READ_COMMAND:
            return self._forwards_payload(data, now)
        if dialogue.pending:
            return None
        verb = session.rulebook.plain_commands.get(data[:4])
        size = len(data)
        if (
            verb is None
            or data.find(b"\n") != size - 1
            or data[4] not in _BREAKS  # there is one: the line end found above stands no earlier
            or data.find(b"\r") != size - 2
            or size > verb.max_length
            or (verb.payload and dialogue.content)
            or b"\0" in data
        ):
            return None
        self.octets += size
        session.commands += 1
        session.meter.verbs[verb.name] += 1
        session.now = session.since = now
        command = Command(data, verb)
        dialogue.pending.append(Exchange("command", command))
        if verb.change:
            dialogue.said(command)
        elif verb.waits:
            self.waiting = True
            self._read = ClientFlow._wait
        return NOTHING

    def greeting_passed(self) -> None:
        """The greeting is out: the client may speak."""
        if self._read is ClientFlow._read_early:
            self._read = ClientFlow._read_command

    def _read_early(self, data: bytes, position: int) -> int:
        self._read = ClientFlow._read_command
        self.session.violation("early-talk", NO_COMMAND, once=True)
        return position

    def _read_command(self, data: bytes, position: int) -> int:
        session = self.session
        end = data.find(b"\n", position) + 1
        if (end or len(data) + 1) - position > HELD_LINE:
            return self._endless(position)
        if not end:
            self.verb_split = self.verb_split or not _VERB_AND_MORE.match(data, position)
            return -1
        pending = session.dialogue.pending
        if len(pending) >= MAX_PENDING or (pending and end - position > LINE and self._octets_owed() > HELD_OCTETS):
            self.waiting = True
            return -1
        line = data if end - position == len(data) else data[position:end]
        if pending and self._out_of_group(pending[-1]):
            rule = session.accuse("pipelining", pending[-1].command, once=True)
            if session.over:
                return position
            if rule is not None:
                return self._refuse_group(Command(line), rule, position, end)
        if line.find(b"\r") != len(line) - 2 or len(line) < 2 or b"\0" in line:
            return self._bad_line(line, position, end)
        session.commands += 1
        command = Command(line)
        session.meter.verbs[command.spec.name] += 1
        taken = commanding.take(self, command)
        self.verb_split = False
        return end if taken else position

    def _out_of_group(self, last: Exchange) -> bool:
        """Whether no command may come while the reply of ``last`` is still owed."""
        if last is self._broken_group:
            return True
        return last.command.spec.ends_group and last.stage == "command" and last.own is None

    def _refuse_group(self, command: Command, rule: Rule, position: int, end: int) -> int:
        """A command that came too early, and with it all that follows before the client has waited."""
        session = self.session
        session.commands += 1
        self.verb_split = False
        commanding.refuse(self, command, commanding.refusal(rule))
        if session.over:
            return position
        pending = session.dialogue.pending
        self._broken_group = pending[-1] if pending else None
        return end

    def _octets_owed(self) -> int:
        """Octets of the commands whose replies are owed: each is kept until then."""
        return sum(len(exchange.command.line) for exchange in self.session.dialogue.pending)

    def _endless(self, position: int) -> int:
        self.session.violation("endless-line", NO_COMMAND)
        return position

    def _bad_line(self, line: bytes, position: int, end: int) -> int:
        """A bare CR, bare LF or NUL: a server may see other commands in it than we do."""
        session = self.session
        command = Command(line)
        name = malformed(line)
        self.verb_split = False
        rule = session.accuse(name, command)
        if session.over:
            return position
        if session.rulebook.transparent:
            if session.rulebook.meant:
                session.record("line-refused", violation=name, observed=True)
            if name == "bare-lf":
                session.uncertain(name)
                return position
            return end if commanding.take(self, command) else position
        self._bad_lines += 1
        if self._bad_lines >= MAX_BAD_LINES:
            session.fail(TOO_MANY_BAD_LINES)
        else:
            commanding.refuse(self, command, commanding.refusal(rule) if rule is not None else BAD_LINE)
        return position if session.over else end

    def forward(self, command: Command, line: bytes | None = None, piece: int = 0, pause: float = 0.0) -> Exchange:
        """Pass a command on; its reply is owed from here on, and a verb that waits holds what follows."""
        session = self.session
        self.emit(line if line is not None else command.line, piece, pause)
        pending = session.dialogue.pending
        if not pending:
            session.since = session.now
        exchange = Exchange("command", command)
        pending.append(exchange)
        if command.spec.change:
            session.dialogue.said(command)
        if command.spec.waits:
            self.waiting = True
            self._read = ClientFlow._wait
        return exchange

    def hold_for_own(self, command: Command, reply: bytes) -> None:
        """A reply of our own, in its turn; the client's next octets wait for it."""
        self.waiting = True
        self._read = ClientFlow._wait
        self.answer(command, reply)

    def _wait(self, data: bytes, position: int) -> int:
        if self.session.tls_stage is CLIENT:
            # Our 220 is out, and what comes in clear behind it may be in the same read as the STARTTLS.
            self.session.violation("starttls-injection", Command(b"STARTTLS\r\n"))
            return position
        return -1

    def catch_up(self) -> None:
        """The server has answered: go on where too many replies were owed."""
        if self.waiting and self._reads_commands and len(self.session.dialogue.pending) <= MAX_PENDING // 2:
            self.resume()

    def expect_command(self) -> None:
        """The next octet begins a command."""
        self._read = ClientFlow._read_first_hello if self._hello_due else ClientFlow._read_command

    def proceed(self) -> None:
        """The reply decided that the next octet begins a command."""
        self.expect_command()
        self.resume()

    # --- AUTH and STARTTLS -------------------------------------------------------------------------------------

    def begin_sasl(self) -> None:
        """334: exactly one line of an AUTH exchange follows. Its text is a secret and goes into no record."""
        self._sasl = True
        self._read = ClientFlow._read_sasl
        self.resume()

    def end_sasl(self) -> None:
        """The exchange is over, well or not."""
        self._sasl = False
        self.proceed()

    def _read_sasl(self, data: bytes, position: int) -> int:
        session = self.session
        end = data.find(b"\n", position) + 1
        if (end or len(data) + 1) - position > HELD_LINE:
            return self._endless(position)
        if not end:
            return -1
        line = data[position:end]
        command = session.sasl
        too_long = commanding.longest(session, command)
        if len(line) > too_long and session.violation("long-command", command, f"{len(line)} octets"):
            return position
        fault = malformed(line)
        if fault:
            if session.violation(fault, command):
                return position
            if not session.rulebook.transparent:
                session.fail(closing_reply("5.5.2", "Malformed line in an AUTH exchange", fault))
                return end
            if fault == "bare-lf":
                session.uncertain(fault)
                return position
        return self._pass_sasl(command, line, position, end)

    def _pass_sasl(self, command: Command, line: bytes, position: int, end: int) -> int:
        """One line of the exchange goes on, if the rules let it; its reply is owed."""
        session = self.session
        rules = commanding.broken_by_line(session.rules_for(session.rulebook.payload, command), len(line))
        rule = session.judge(rules, session.facts(command, line=b"", size=len(line))) if rules else None
        if session.closed:
            return end
        exchange = session.dialogue.push(Exchange("sasl", command))
        action = rule.action if rule is not None else None
        if rule is not None:
            self._apply_to_line(rule, exchange, line)
            if session.tunnelled:
                return position
            if session.closed or exchange.eaten or session.stalled:
                return end
        self.waiting = True
        self._read = ClientFlow._wait
        session.since = session.now
        if isinstance(action, Delay):
            self.later(session.now + action.seconds, partial(session.send, self.peer, line), len(line))
        elif isinstance(action, Slice):
            self.emit(line, action.octets, action.seconds)
        else:
            session.send(self.peer, line)
        return end

    def _apply_to_line(self, rule: Rule, exchange: Exchange, line: bytes) -> None:
        """What a rule says of a whole line of the exchange; a delay or slices come where it is sent."""
        action = rule.action
        if isinstance(action, Cap):
            self.session.fail(commanding.refusal(rule))
        elif isinstance(action, Truncate):
            self.session.send(self.peer, line[: action.octets])
            self.session.eat(exchange, "payload truncated")
        elif isinstance(action, Close | Reset | Drop):
            if action.after:
                self.session.send(self.peer, line[: action.after])
            self.session.carry_out(rule)
        elif not isinstance(action, Delay | Slice):
            self._apply(rule, exchange)

    def begin_tls(self, command: Command) -> None:
        """220 to STARTTLS: the next octet must be a TLS record, and the client's."""
        if self.held:
            self.session.violation("starttls-injection", command)
            return
        self._read = ClientFlow._read_client_hello
        self.resume()

    def _read_client_hello(self, data: bytes, position: int) -> int:
        session = self.session
        if data[position] != _TLS_HANDSHAKE:
            session.violation("starttls-injection", Command(b"STARTTLS\r\n"))
            return position
        session.dialogue.tls = True
        session.tunnel()
        return position

    def begin_in_tls(self, *, hello_first: bool) -> None:
        """TLS is up: the next octet begins a command. ``hello_first``: the server still knows what was said in clear,
        so a greeting must come before anything that counts."""
        self._hello_due = hello_first
        self.expect_command()
        self.held = b""
        self.resume()

    def _read_first_hello(self, data: bytes, position: int) -> int:
        end = data.find(b"\n", position) + 1
        if not end:
            return self._read_command(data, position)
        command = Command(data[position:end])
        fault = malformed(command.line)
        if fault:
            if self.session.violation(fault, command):
                return position
            self.verb_split = False
            self.answer(command, BAD_LINE)
            return end
        if command.spec.change == "hello":
            self._hello_due = False
            self.expect_command()
            return position
        if command.verb in _BEFORE_HELLO:
            return self._read_command(data, position)
        self.verb_split = False
        commanding.refuse(self, command, HELLO_FIRST)
        return position if self.session.over else end

    # --- ends --------------------------------------------------------------------------------------------------

    def begin_anew(self) -> None:
        """A new session begins on the other side (TURN)."""
        self._read = ClientFlow._read_early
        self._payload = None
        self._sasl = False

    def finish(self) -> None:
        """Pass the client's FIN on; an unfinished line goes along only where the policy alters nothing."""
        left = self._take_kept() + self.held
        if left and self.session.rulebook.transparent:
            self.session.send(self.peer, left)
        self.held = b""
        self._send_finish()


_READ_COMMAND = ClientFlow._read_command
