"""What becomes of a command: checked, judged by the rules, then forwarded, answered, changed or eaten."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from smtpguard.inspection import starttls
from smtpguard.inspection.wording import CHUNK_MISSING, TURN_REFUSED, reply_line
from smtpguard.policy.actions import Action, Cap, Close, Delay, Eat, Reject, Rewrite, Slice, lets_pass
from smtpguard.policy.rulebook import Rule, Rules
from smtpguard.smtp.commands import (
    Command,
    announced_size,
    blob_size,
    chunk_size,
    link2state_overflows,
    names_first_chunk,
)
from smtpguard.smtp.dialogue import Exchange
from smtpguard.smtp.violations import VIOLATIONS

if TYPE_CHECKING:
    from smtpguard.inspection.client_flow import ClientFlow
    from smtpguard.inspection.session import Session

_SETTLED = frozenset(
    ("STARTTLS", "X-ANONYMOUSTLS", "XCLIENT", "XFORWARD")
)  # verbs that the session's terms may have a word in
_FIRST_WORD = re.compile(r"[^ \t\v\f]+")
_REWRITE_WORD = re.compile(r"\{(?:line|verb|argument|xverb|xline|x)\}")
_TOO_BIG = Reject(552, "5.3.4", "Too big")


def take(flow: ClientFlow, command: Command) -> bool:
    """Deal with one whole command line. False when the session ended or became a tunnel instead."""
    session = flow.session
    for name, detail in _faults(session, command):
        if VIOLATIONS[name].uncertain:
            session.violation(name, command, detail)
            return False
        rule = session.accuse(name, command, detail)
        if session.over:
            return False
        if rule is not None:
            refuse(flow, command, refusal(rule))
            return not session.over
    judged = session.rulebook.judges_commands
    rules = session.rules_for(session.rulebook.command, command) if judged else ()
    if rules:
        facts = session.facts(command, line=command.line.rstrip(b"\r\n"))
        facts.split_verb = flow.verb_split
        rule = session.judge(rules, facts)
        if session.closed:
            return False
        if rule is not None:
            return _carry_out(flow, command, rule)
    _pass_on(flow, command)
    return True


def _pass_on(flow: ClientFlow, command: Command, piece: int = 0, pause: float = 0.0) -> None:
    """Forward a command that its own rules let through, unless its payload or its turn is refused."""
    session = flow.session
    spec = command.spec
    if session.rulebook.judges_payloads and spec.payload in ("chunk", "blob"):
        rule = _cap_broken(flow, command)
        if session.closed:
            return
        if rule is not None:
            refuse(flow, command, refusal(rule))
            return
    if spec.name in _SETTLED and starttls.answered(flow, command):
        return
    if spec.change == "turn" and session.rulebook.turn == "refuse":
        session.record("turn", verb=command.name, outcome="refused")
        flow.answer(command, TURN_REFUSED)
        return
    if spec.change == "turn" and session.rulebook.meant.get("turn") == "refuse":
        session.record("turn", verb=command.name, outcome="refused", observed=True)
    _forward(flow, command, piece, pause)


def _pass_on_late(flow: ClientFlow, command: Command) -> None:
    """The delay of a command is over, by the clock or because all became a tunnel."""
    if flow.session.tunnelled:
        flow.session.send(flow.peer, command.line)
    else:
        _pass_on(flow, command)


def _forward(flow: ClientFlow, command: Command, piece: int = 0, pause: float = 0.0) -> None:
    """Pass a command on as it came."""
    if command.spec.payload != "chunk":
        flow.forward(command, piece=piece, pause=pause)
        return
    dialogue = flow.session.dialogue
    if dialogue.chunk_refused:
        refuse(flow, command, CHUNK_MISSING)
        return
    size, last = chunk_size(command) or (0, False)
    first = dialogue.content != command.verb or dialogue.last_said
    exchange = flow.forward(command, piece=piece, pause=pause)
    exchange.last = last
    dialogue.content = command.verb
    dialogue.last_said = last
    flow.begin_chunk(exchange, size, keep=True, first=first)


def refuse(flow: ClientFlow, command: Command, reply: bytes) -> None:
    """Answer in the server's place. The octets of a refused BDAT still follow, and are consumed (RFC 3030 2); where
    they cannot be counted the session is over."""
    if command.spec.payload == "chunk":
        if chunk_size(command) is None:
            flow.session.violation("bdat-size", command)
            return
        _withhold_chunk(flow, command)
    flow.answer(command, reply)


def _withhold_chunk(flow: ClientFlow, command: Command) -> None:
    flow.session.dialogue.chunk_refused = True
    size, _ = chunk_size(command) or (0, False)
    flow.begin_chunk(Exchange("chunk", command, own=b""), size, keep=False)


def _rewrite(flow: ClientFlow, command: Command, rule: Rule, action: Rewrite) -> None:
    """Send another command in its place, and pair the reply with that one."""
    line = rewritten(action.to, command.line.rstrip(b"\r\n"), command)
    other = Command(line)
    same_size = other.line.split()[1:2] == command.line.split()[1:2] and chunk_size(other) == chunk_size(command)
    if other.verb == command.verb and same_size:
        _pass_on(flow, other)
        return
    if other.spec.payload or other.spec.change == "turn" or other.spec.name in _SETTLED:
        # What follows would be framed for a verb that the client never said; and the terms are not the rule's.
        raise ValueError("a rewrite may not begin a payload or a turn, or say who the client is")
    exchange = flow.forward(other)
    if command.spec.payload == "chunk":
        exchange.withheld = rule.id
        _withhold_chunk(flow, command)


def rewritten(to: str, line: bytes, command: Command | None = None) -> bytes:
    """The text of a ``rewrite`` with its words filled in, CRLF behind it, nothing in it that could end it early."""
    original = line.decode("latin-1")
    verb = command.verb if command is not None else ""
    argument = command.argument.decode("latin-1") if command is not None else ""
    words = {
        "{line}": original,
        "{verb}": verb,
        "{argument}": argument,
        "{xverb}": "X" * len(verb),
        "{xline}": _FIRST_WORD.sub(lambda word: "X" * len(word[0]), original, count=1),
        "{x}": "X" * len(original),
    }
    # At one go: a word of ours that a peer wrote is text, and must not be filled in again. One line could else grow to
    # thousands of times its size.
    octets = _REWRITE_WORD.sub(lambda word: words[word[0]], to).encode("latin-1", "replace")
    return octets.translate(None, b"\r\n\0") + b"\r\n"


def _carry_out(flow: ClientFlow, command: Command, rule: Rule) -> bool:
    session = flow.session
    action = rule.action
    if isinstance(action, Reject):
        refuse(flow, command, refusal(rule))
    elif isinstance(action, Rewrite):
        try:
            _rewrite(flow, command, rule, action)
        except ValueError as error:
            if session.contain(rule, error):
                return False
            _pass_on(flow, command)
    elif isinstance(action, Eat):
        session.eat(session.dialogue.push(Exchange("command", command)), "command eaten")
    elif isinstance(action, Delay):
        flow.later(session.now + action.seconds, lambda: _pass_on_late(flow, command), len(command.line))
    elif isinstance(action, Slice):
        _pass_on(flow, command, action.octets, action.seconds)
    else:
        session.carry_out(rule)
        return not session.tunnelled
    return True


# --- caps on what a command announces ------------------------------------------------------------------------------


def caps_announced(rule: Rule, command: Command) -> bool:
    """Whether ``rule`` was already asked when ``command`` announced its octets."""
    return isinstance(rule.action, Cap) and command.spec.payload in ("chunk", "blob")


def broken_by_line(rules: Rules, octets: int) -> Rules:
    """Of the rules for a payload those that a line of so many octets can meet: none is cut that is short enough."""
    return tuple(rule for rule in rules if (kept := lets_pass(rule.action)) is None or octets > kept)


def _cap_broken(flow: ClientFlow, command: Command) -> Rule | None:
    session = flow.session
    rules = session.rules_for(session.rulebook.payload, command)
    if not rules:
        return None
    size = announced_size(command) or 0
    broken = tuple(rule for rule in rules if isinstance(rule.action, Cap) and size > rule.action.octets)
    return session.judge(broken, session.facts(command, line=command.line.rstrip(b"\r\n"))) if broken else None


def refuses(action: Action) -> bool:
    """Whether an action answers in the server's place."""
    return isinstance(action, Reject | Cap)


def refusal(rule: Rule) -> bytes:
    """The reply line of a rule that refuses."""
    action = rule.action if isinstance(rule.action, Reject | Close) else _TOO_BIG
    return reply_line(action.code or 421, action.enhanced, action.text, rule.id, action.exact)


# --- what a command is checked for before the rules see it ----------------------------------------------------------


def longest(session: Session, command: Command) -> int:
    """Octets that a line of this verb may have, CRLF included: the policy's limit, else that of the verb's row."""
    limits = session.rulebook.limits
    return limits.get(command.name or "unknown", command.spec.max_length) if limits else command.spec.max_length


def _faults(session: Session, command: Command) -> Iterator[tuple[str, str]]:
    """The violations that the command is by itself, each with what a record should say of it."""
    check = _CHECKS.get(command.verb)
    name = check(session, command) if check is not None else ""
    if name:
        yield name, ""
    if len(command.line) > longest(session, command):
        yield "long-command", f"{len(command.line)} octets"


def _check_bdat(session: Session, command: Command) -> str:
    dialogue = session.dialogue
    if chunk_size(command) is None:
        return "bdat-size"
    return "bdat-sequence" if dialogue.last_said or dialogue.content == "DATA" else ""


def _check_data(session: Session, command: Command) -> str:
    return "bdat-sequence" if session.dialogue.content == "BDAT" else ""


def _check_xexch50(session: Session, command: Command) -> str:
    return "xexch50-size" if blob_size(command) is None else ""


def _check_link2state(session: Session, command: Command) -> str:
    overflows = link2state_overflows(command, session.link2state_first)
    session.link2state_first |= names_first_chunk(command)
    return "link2state-chunk" if overflows else ""


_CHECKS: dict[str, Callable[[Session, Command], str]] = {
    "BDAT": _check_bdat,
    "DATA": _check_data,
    "XEXCH50": _check_xexch50,
    "X-LINK2STATE": _check_link2state,
}
