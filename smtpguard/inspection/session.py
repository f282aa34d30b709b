"""What both flows of a session share: the dialogue, the rulebook, the effects of the current call, the verdicts.

The two flows read octets; everything that they decide together passes here: sending, recording, asking the rules,
naming violations, ending. A rule that raises is contained here (law 8).
"""

from __future__ import annotations

from ipaddress import ip_address
from random import Random
from typing import TYPE_CHECKING

from smtpguard.inspection.deadlines import Deadlines
from smtpguard.inspection.effects import Close, Effect, Record, Reset, Send, Tunnel, joined
from smtpguard.inspection.meter import Meter
from smtpguard.inspection.telling import WORD_OCTETS
from smtpguard.inspection.terms import Terms
from smtpguard.inspection.wording import STILL_OWED, closing_reply, decision_name, uncertain_reply
from smtpguard.policy.actions import Close as CloseAction
from smtpguard.policy.actions import Drop as DropAction
from smtpguard.policy.actions import Pass as PassAction
from smtpguard.policy.actions import Record as RecordAction
from smtpguard.policy.actions import Reject as RejectAction
from smtpguard.policy.actions import Reset as ResetAction
from smtpguard.policy.actions import Tunnel as TunnelAction
from smtpguard.policy.actions import acts_late
from smtpguard.policy.rulebook import ByVerb, Facts, Rule, Rulebook, Rules
from smtpguard.smtp.commands import Command, address, announced_size
from smtpguard.smtp.dialogue import Dialogue, Exchange
from smtpguard.smtp.sides import CLIENT, Side
from smtpguard.smtp.verbs import UNKNOWN, VERBS
from smtpguard.smtp.violations import VIOLATIONS

if TYPE_CHECKING:
    from smtpguard.inspection.client_flow import ClientFlow
    from smtpguard.inspection.server_flow import ServerFlow

_NO_COMMAND = Command(b"")
_SHORT = 512  # octets


class Session:
    """The shared state of one session. ``effects`` collects what the current call wants done."""

    __slots__ = (
        "_addresses", "_facts", "_guard_tally", "_number", "_rng", "_session_tally", "answers", "blind", "client_flow",
        "closed", "commands", "counts", "deadlines", "dialogue", "draining", "edits_hello", "effects",
        "link2state_first", "meter", "now", "observed", "offers_tls", "replies", "rulebook", "sasl", "server_flow",
        "since", "stalled", "swapped", "terms", "tls_reply", "tls_stage", "tunnelled", "verdicts", "violations_seen",
        "would_end",
    )  # fmt: skip

    def __init__(
        self,
        rulebook: Rulebook,
        *,
        client: str | None,
        server: str | None,
        rng: Random | None,
        number: int,
        tallies: dict[str, int],
        deadlines: Deadlines,
        meter: Meter,
        terms: Terms,
    ) -> None:
        self.rulebook = rulebook
        self.terms = terms
        self.edits_hello = bool(rulebook.keyword) or terms.edits_keywords
        self.dialogue = Dialogue()
        self.dialogue.tls = terms.tls
        self.offers_tls = False  # the guard has offered STARTTLS in its own name
        self.tls_stage: Side | None = None  # the side with which TLS is being begun
        self.tls_reply = b""  # the server's 220, kept until it has begun
        self.deadlines = deadlines
        self.effects: list[Effect] = []
        self.now = 0.0
        self.closed = False
        self.tunnelled = False
        self.stalled = False
        self.blind = False  # a rule misread a payload: nothing about the client's octets is known any more
        self.draining = False
        self.since = 0.0  # when the wait that a deadline bounds began
        self.commands = 0
        self.meter = meter  # of all sessions
        self.replies = 0
        self.counts: dict[str, int] = {}
        self.verdicts: dict[str, int] = {}
        self.observed: dict[str, int] = {}  # those of the verdicts that were not carried out
        self.would_end = ""  # what would have ended the session, had it not only been observed
        self.answers: list[bytes] | None = None  # where a shadow is: our own replies, as they go out
        self.violations_seen: set[str] = set()
        self.link2state_first = False
        self.sasl = _NO_COMMAND  # the AUTH whose exchange goes on
        self.swapped = False
        self.client_flow: ClientFlow
        self.server_flow: ServerFlow
        self._addresses = client, server
        self._facts: Facts | None = None  # made when the first rule is asked: most sessions never ask one
        self._rng = rng
        self._number = number
        self._session_tally: dict[str, int] = {}
        self._guard_tally = tallies

    # --- effects -----------------------------------------------------------------------------------------------

    def send(self, side: Side, data: bytes) -> None:
        """Octets towards ``side``; joined with what was just sent there, so that one read leaves as one write."""
        effects = self.effects
        if effects:
            last = effects[-1]
            # Only while it is short: else many small pieces would each copy all those before them. See ``taken``.
            if type(last) is Send and last.side is side and len(last.data) < _SHORT:
                effects[-1] = Send(side, last.data + data)
                return
        effects.append(Send(side, data))

    def taken(self) -> list[Effect]:
        """The effects of this call, whole: sends in a row are one."""
        effects = self.effects
        if len(effects) > 1:
            self.effects = effects = joined(effects)
        return effects

    def send_own(self, reply: bytes) -> None:
        """A reply of our own that has reached its turn."""
        if self.answers is not None:
            self.answers.append(reply)
        self.send(self.client_flow.side, reply)

    def record(self, event: str, **fields: object) -> None:
        """Something happened."""
        self.effects.append(Record(event, fields))

    def count(self, what: str) -> None:
        """One more of something, for the summary."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def reached(self, server: str | None, terms: Terms) -> None:
        """The server is another one than was meant when the session began."""
        self._addresses = self._addresses[0], server
        self._facts = None
        self.terms = terms

    # --- rules -------------------------------------------------------------------------------------------------

    def rules_for(self, by_verb: ByVerb, command: Command) -> Rules:
        """The rules that could apply to ``command``; usually none."""
        named = by_verb.named.get(command.verb)
        if named is not None:
            return named
        return by_verb.unknown if command.spec is UNKNOWN else by_verb.known

    def facts(self, command: Command, *, line: bytes, code: int | None = None, size: int | None = None) -> Facts:
        """What is known now, for the rules."""
        facts = self._facts
        if facts is None:
            client, server = self._addresses
            facts = self._facts = Facts(
                client=ip_address(client) if client else None, server=ip_address(server) if server else None
            )
        envelope = self.dialogue.envelope
        facts.verb = command.verb
        facts.argument = command.argument
        facts.line = line
        facts.length = len(line) + 2
        facts.section = ""
        facts.code = code
        facts.size = announced_size(command) if size is None else size
        facts.state = self.client_flow.state
        facts.tls = self.dialogue.tls
        facts.keyword = ""
        facts.violation = ""
        facts.split_end = facts.split_verb = False
        facts.recipients = self.dialogue.rcpts_said
        facts.sender = envelope.sender or b""
        facts.recipient = envelope.recipient
        change = command.spec.change
        if change == "mail":
            facts.sender = address(command)
        elif change == "rcpt":
            facts.recipient = address(command)
            facts.recipients += 1
        return facts

    def judge(self, rules: Rules, facts: Facts, *, deferred: bool = False) -> Rule | None:
        """The first rule that applies and is to be enforced; None to pass. Every match but a ``pass`` is recorded.

        ``deferred``: a rule that lets some octets pass first is given back unrecorded, one in observe mode too:
        whether it decides anything shows later.
        """
        for rule in rules:
            if self._rng is None and rule.probability is not None:
                # Made late: a generator costs 2.5 KiB and some ten microseconds, and most sessions never draw.
                self._rng = Random(f"{self.rulebook.seed}:{self._number}")
            try:
                if not rule.matches(facts, self._session_tally, self._guard_tally, self._rng):
                    continue
            except Exception as error:
                if self.contain(rule, error):
                    return None
                continue
            if isinstance(rule.action, PassAction):
                return None
            if deferred and acts_late(rule.action):
                return rule
            self.record_decision(rule, facts)
            if isinstance(rule.action, RecordAction):
                continue
            return None if rule.observe else rule
        return None

    def record_decision(self, rule: Rule, facts: Facts) -> None:
        """Write down what a rule decided, or would have."""
        self.verdicts[rule.id] = self.verdicts.get(rule.id, 0) + 1
        self.count("decisions")
        fields: dict[str, object] = {"rule": rule.id, "action": rule.action.name, "where": rule.where}
        if facts.verb or rule.where == "command":
            # A word outside the table may be anything, a password in the wrong place too.
            fields["verb"] = facts.verb if facts.verb in VERBS else "unknown"
        if rule.where == "line":
            fields.update(section=facts.section, length=facts.length)
        for name in ("keyword", "size", "code", "violation"):
            value = getattr(facts, name)
            if value is not None and value != "":
                fields[name] = value[:WORD_OCTETS] if name == "keyword" else value
        if isinstance(rule.action, RejectAction) and rule.action.code < 300:
            fields["lie"] = rule.action.code  # law 4: a success that no server gave is never said in silence
        if rule.observe:
            self.observed[rule.id] = self.observed.get(rule.id, 0) + 1
            fields["observed"] = True
            if self.would_end:
                fields["after"] = self.would_end
            elif rule.ends_session(facts.violation):
                self.would_end = rule.id
        if rule.event is not None:
            fields["event_id"] = rule.event
        self.effects.append(Record(decision_name(rule.where, rule.action.name), fields))

    def contain(self, rule: Rule, error: Exception) -> bool:
        """A rule raised: recorded, and failed as the policy says. True where the session was closed for it."""
        then = self.rulebook.on_crash
        meant = self._meant("on_crash", then)
        self.record("rule-crashed", rule=rule.id, error=type(error).__name__, then=then, **meant)
        if then == "close":
            self.fail(closing_reply("4.3.0", "Local policy error", rule.id))
            return True
        return False

    def carry_out(self, rule: Rule) -> bool:
        """Do what a rule says where it ends or blinds the session: close, reset, drop, tunnel. True when it did."""
        action = rule.action
        if isinstance(action, CloseAction):
            self.fail(closing_reply(action.enhanced, action.text, rule.id, action.code, action.exact))
        elif isinstance(action, ResetAction):
            self.closed = True
            self.client_flow.swallow()
            self.server_flow.swallow()
            self.effects.append(Reset())
        elif isinstance(action, DropAction):
            self.stall(CLIENT, "", "drop")
        elif isinstance(action, TunnelAction):
            self.tunnel()
        else:
            return False
        return True

    def _meant(self, setting: str, then: str) -> dict[str, object]:
        """What a record adds where the policy only observes and would have done something else than ``then``."""
        would = self.rulebook.meant.get(setting, then)
        if would == then:
            return {}
        self.would_end = self.would_end or setting.replace("_", "-")
        return {"observed": True, "would": would}

    # --- violations --------------------------------------------------------------------------------------------

    @property
    def over(self) -> bool:
        """Whether the next octets are nobody's to read any more: closed, a tunnel, or a black hole."""
        return self.closed or self.tunnelled or self.stalled

    def violation(
        self, name: str, command: Command, detail: str = "", *, once: bool = False, last_words: bytes = b""
    ) -> bool:
        """Record a violation that nothing can be answered to by itself, and do what the policy says of it: a
        ``reject`` closes with its reply. True when the session is over.

        ``last_words``: of the server, sent in place of our 421 if the session is closed for uncertainty.
        """
        rule = self.accuse(name, command, detail, once=once)
        if rule is not None and isinstance(rule.action, RejectAction):
            action = rule.action
            self.fail(closing_reply(action.enhanced, action.text, rule.id, action.code, action.exact))
        elif VIOLATIONS[name].uncertain and not self.over:
            self.uncertain(name, last_words)
        return self.over

    def accuse(self, name: str, command: Command, detail: str = "", *, once: bool = False) -> Rule | None:
        """Record a violation and do what the policy says of it, but for a ``reject``: that rule is given back, and
        the caller, who knows what was violated, refuses it.

        ``once``: recorded only the first time in a session; the rules are asked every time.
        """
        if not (once and name in self.violations_seen):
            row = VIOLATIONS[name]
            self.count("violations")
            self.record("violation", violation=name, blame=row.blame.value, verb=command.name, detail=detail)
        if once:
            self.violations_seen.add(name)
        rules = self.rulebook.violation.get(name, ())
        if not rules:
            return None
        facts = self.facts(command, line=command.line.rstrip(b"\r\n"))
        facts.violation = name
        rule = self.judge(rules, facts)
        if rule is None or isinstance(rule.action, RejectAction):
            return None if self.closed else rule
        self.carry_out(rule)
        return None

    def uncertain(self, name: str, last_words: bytes = b"") -> None:
        """From here on the guard can't know what the peers take the octets for: close or tunnel, never guess."""
        then = "close" if self._owes_alone() else self.rulebook.on_uncertain
        self.record("uncertain", violation=name, then=then, **self._meant("on_uncertain", then))
        if then == "tunnel":
            self.tunnel()
        else:
            self.fail(last_words or uncertain_reply(VIOLATIONS[name]))

    # --- ends --------------------------------------------------------------------------------------------------

    def fail(self, reply: bytes) -> None:
        """Close both connections; the client gets ``reply`` first where no eaten reply stands before it and our FIN
        has not gone out; what is left of a reply that is half out goes before it."""
        if self.closed:
            return
        self.closed = True
        server = self.server_flow
        eaten = self.stalled or any(exchange.eaten for exchange in self.dialogue.pending)
        speaks = reply and not eaten and not server.finished
        if speaks:
            server.finish_piece()
        self.client_flow.swallow()
        server.swallow()
        if speaks:
            self.send(server.peer, reply)
        self.effects.append(Close())

    def stall(self, side: Side, verb: str, why: str) -> None:
        """From here on nothing passes in either direction; both sides are read and their octets forgotten."""
        if not self.stalled:
            self.stalled = True
            self.since = self.now
            self.record("stall", side=side.value, verb=verb, why=why)
        self.client_flow.swallow()
        self.server_flow.swallow()

    def tunnel(self) -> None:
        """Both directions are opaque from here on; what was held goes out first, as it came.

        Where a reply is owed that the server will never give, the session closes instead: in a tunnel the server's
        next one would take its place (law 3).
        """
        if self.tunnelled or self.closed:
            return
        if self._owes_alone():
            self.fail(STILL_OWED)
            return
        self.tunnelled = True
        self.since = self.now
        self.open_up()
        self.effects.append(Tunnel())

    def _owes_alone(self) -> bool:
        return self.tls_stage is not None or any(
            exchange.own is not None or exchange.eaten for exchange in self.dialogue.pending
        )

    def open_up(self) -> None:
        """Both directions pass as they come, what was held first."""
        self.server_flow.release()
        self.client_flow.release()

    def eat(self, exchange: Exchange, why: str) -> None:
        """What ``exchange`` answers was swallowed: replies to what came before still pass, then all stands still."""
        exchange.eaten = True
        self.since = self.now
        self.record("stall", side=self.client_flow.side.value, verb=exchange.command.name, why=why)
        self.client_flow.swallow()
        self.server_flow.settle()
