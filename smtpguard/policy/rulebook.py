"""A policy compiled for the Inspector: rules sorted by where they look and by verb, conditions as small functions.

Nothing here reads a file or knows YAML; ``policy.loader`` makes these from the model. A rule is asked only where it
could apply, so rules for other verbs cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from random import Random
from typing import Literal

from smtpguard.policy.actions import Action, Close, Drop, Eat, Misread, Pass, Record, Reject, Reset, Tunnel, Where
from smtpguard.smtp.commands import PLAIN
from smtpguard.smtp.verbs import VERBS, Verb
from smtpguard.smtp.violations import ANSWERABLE


@dataclass(slots=True)
class Facts:
    """What is known at the moment a rule is asked. One object a session, overwritten from event to event."""

    client: IPv4Address | IPv6Address | None = None
    server: IPv4Address | IPv6Address | None = None
    verb: str = ""  # upper case; "" at connect and greeting
    argument: bytes = b""  # the command line behind the verb, without CRLF
    keyword: str = ""  # upper case, the first word of an EHLO line
    line: bytes = b""  # the whole line that is judged, without CRLF
    length: int = 0  # octets of that line with its CRLF
    section: str = ""  # of a message's line: header or body
    sender: bytes = b""  # of the envelope, without < >; b"" before MAIL and for the null sender
    recipient: bytes = b""  # of the RCPT that is judged, else the last one
    size: int | None = None  # octets: announced by BDAT, XEXCH50 or MAIL SIZE=, or counted at the end of a message
    code: int | None = None  # of the reply that is judged
    state: str = "connect"  # connect, greeted, helloed, mail, rcpt, payload, auth
    tls: bool = False
    violation: str = ""
    split_end: bool = False  # CRLF.CRLF of the message came in more than one read
    split_verb: bool = False  # the verb of the command came in more than one read
    recipients: int = 0  # RCPT commands that went to the server in this transaction, with the one that is judged


IN_TEXT = ("smuggling", "text-line-end", "long-line")
"""The violations that a text of DATA may hold."""

Condition = Callable[[Facts], bool]

Scope = Literal["session", "guard", "client", "sender", "recipient"]
SCOPES: tuple[Scope, ...] = ("session", "guard", "client", "sender", "recipient")

MAX_TALLIES = 10_000
"""Counts that are kept of single clients, senders and recipients, over all rules: behind that the one that was not
counted for longest begins anew."""

COUNTED_OCTETS = 320
"""Octets of an address by which it is counted, all that a lawful one has: 64 of its local part, an @, 255 of its domain
(RFC 5321 4.5.3.1). A line may bring 16 KiB of it, and there may be ``MAX_TALLIES``."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. ``conditions`` are cheap ones first; the counted and the drawn one (nth, probability) come last."""

    id: str
    where: Where
    action: Action
    conditions: tuple[Condition, ...] = ()
    observe: bool = False
    event: int | None = None  # the event id that the imitated box logs
    nth: frozenset[int] | None = None  # 1-based: act only at these matches
    first: int | None = None  # act only at the first so many matches
    scope: Scope = "session"  # over what nth and first count
    probability: float | None = None

    def ends_session(self, violation: str = "") -> bool:
        """Whether a session is over once this rule was carried out, for this ``violation`` where it judged one: closed,
        stalled, or looked at no more. A payload that a cap or a truncation cuts short ends it too, but only then."""
        if isinstance(self.action, Reject):
            return self.where in ("connect", "payload") or (self.where == "violation" and violation not in ANSWERABLE)
        return isinstance(self.action, Close | Reset | Drop | Eat | Misread | Tunnel)

    def matches(self, facts: Facts, session: dict[str, int], guard: dict[str, int], rng: Random | None) -> bool:
        """Whether the rule applies now; counts the match in ``session`` or ``guard``, draws from ``rng``, which a rule
        without a probability does not need."""
        for condition in self.conditions:
            if not condition(facts):
                return False
        if self.nth is not None or self.first is not None:
            count = self._count(facts, session, guard)
            if self.nth is not None and count not in self.nth:
                return False
            if self.first is not None and count > self.first:
                return False
        return self.probability is None or (rng is not None and rng.random() < self.probability)

    def _count(self, facts: Facts, session: dict[str, int], guard: dict[str, int]) -> int:
        """One more match in the rule's scope: how many there were."""
        if self.scope == "session" or self.scope == "guard":
            tally = session if self.scope == "session" else guard
            count = tally[self.id] = tally.get(self.id, 0) + 1
            return count
        key = f"{self.id} {_counted(self.scope, facts)}"
        count = guard.pop(key, 0) + 1
        guard[key] = count  # at the end: the first one of its kind was not counted for longest
        if len(guard) > MAX_TALLIES:
            del guard[next(key for key in guard if " " in key)]
        return count


def _counted(scope: Scope, facts: Facts) -> str:
    """Who it is that a rule counts by itself; addresses in any case."""
    if scope == "client":
        return str(facts.client)
    address = facts.sender if scope == "sender" else facts.recipient
    return address[:COUNTED_OCTETS].decode("latin-1").casefold()


Rules = tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class ByVerb:
    """Rules of one where, by verb: ``named`` for verbs that a rule names, ``known`` for the others of the table,
    ``unknown`` for verbs outside it. Each tuple already holds the rules for any verb, in the policy's order."""

    named: Mapping[str, Rules] = field(default_factory=dict)
    known: Rules = ()
    unknown: Rules = ()

    def __bool__(self) -> bool:
        return bool(self.named or self.known or self.unknown)

    def judges(self, verb: str) -> bool:
        """Whether any rule looks at this verb of the table."""
        return bool(self.known) or verb in self.named


@dataclass(frozen=True, slots=True)
class Rulebook:
    """One policy, ready to use; shared by all sessions and never changed."""

    name: str
    summary: str = ""
    lies: bool = False
    seed: int = 0
    on_uncertain: Literal["close", "tunnel"] = "close"
    on_crash: Literal["close", "pass"] = "close"
    turn: Literal["refuse", "tunnel", "swap"] = "refuse"
    transparent: bool = False  # no rule can alter anything: law 1 holds
    # What the policy says of these three settings where it only observes; empty where it acts: see ``compile``.
    meant: Mapping[str, str] = field(default_factory=dict)
    connect: Rules = ()
    greeting: Rules = ()
    keyword: Rules = ()
    command: ByVerb = field(default_factory=ByVerb)
    reply: ByVerb = field(default_factory=ByVerb)
    payload: ByVerb = field(default_factory=ByVerb)
    line: Rules = ()
    message: Rules = ()
    violation: Mapping[str, Rules] = field(default_factory=dict)  # by the violation's name
    limits: Mapping[str, int] = field(default_factory=dict)  # octets of a command line by verb, in place of the table's
    # Asked for every octet's sake, so worked out once: whether any rule looks at commands, replies, payloads at all.
    judges_commands: bool = field(init=False)
    judges_replies: bool = field(init=False)
    judges_payloads: bool = field(init=False)
    guards_text: bool = field(init=False)  # a rule may refuse a text for how its lines end
    watched_in_text: frozenset[str] = field(init=False)  # violations in a text that are looked for on demand only
    # Verbs that no rule for commands looks at, by the word on the wire, and those whose replies none looks at.
    plain_commands: Mapping[bytes, Verb] = field(init=False)
    plain_replies: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        commands = {word: verb for word, verb in PLAIN.items() if not self.command.judges(verb.name)}
        object.__setattr__(self, "plain_commands", commands)
        replies = frozenset(name for name in VERBS if not self.reply.judges(name))
        object.__setattr__(self, "plain_replies", replies)
        object.__setattr__(self, "judges_commands", bool(self.command) or bool(self.payload))
        object.__setattr__(self, "judges_replies", bool(self.reply) or bool(self.message) or bool(self.greeting))
        object.__setattr__(self, "judges_payloads", bool(self.payload))
        in_text = {name: self.violation[name] for name in IN_TEXT if self.violation.get(name)}
        object.__setattr__(self, "guards_text", not all(only_records(rules) for rules in in_text.values()))
        object.__setattr__(self, "watched_in_text", frozenset(in_text) - {"smuggling"})


def only_records(rules: Rules) -> bool:
    """Whether none of ``rules`` can change an octet."""
    return all(rule.observe or isinstance(rule.action, Record | Pass) for rule in rules)
