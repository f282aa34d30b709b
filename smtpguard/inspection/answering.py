"""What a reply means to the exchange that it answers: whether it can be right, which rules look at it, what follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpguard.inspection.commanding import refusal, rewritten
from smtpguard.inspection.masking import banner_mask, masked_keyword
from smtpguard.inspection.telling import WORD_OCTETS, told_address, told_addresses
from smtpguard.policy.actions import Advertise, Mask, Pass, Reject, Rewrite, Strip
from smtpguard.policy.rulebook import Rule, Rules
from smtpguard.smtp.commands import Command, blob_size
from smtpguard.smtp.dialogue import Dialogue, Exchange
from smtpguard.smtp.keywords import join_lines, keyword_name, keyword_text
from smtpguard.smtp.replies import Reply, code_of

if TYPE_CHECKING:
    from smtpguard.inspection.session import Session

_GO_AHEAD = {"text": 354, "blob": 354, "sasl": 334}


def doubt(head: Exchange | None, reply: Reply) -> str:
    """The violation that this reply is, where it cannot be an answer to ``head``; "" when it can."""
    code = reply.code
    if head is None:
        # RFC 5321 3.8: a server may say 421 at any time, to no command at all.
        return "" if code == 421 else "unsolicited-reply"
    if not head.complete and head.stage != "chunk":
        return "" if code == 421 else "early-reply"
    spec = head.command.spec
    if 300 <= code < 400:
        if head.stage not in ("command", "sasl") or _GO_AHEAD.get(spec.payload) != code:
            return "unexpected-reply"
        if spec.payload == "blob" and blob_size(head.command) is None:
            return "xexch50-desync"
    elif spec.payload == "tls" and reply.positive and code != 220:
        return "unexpected-reply"
    return ""


def ends_message(head: Exchange) -> bool:
    """Whether the reply to ``head`` is the verdict on a whole message."""
    return head.stage == "text" or (head.stage == "chunk" and head.last)


def sets_at_odds(head: Exchange, reply: Reply, raw: bytes) -> bool:
    """Whether the reply that a rule made says go ahead where the server did not, or the other way round: the client
    would send what the server does not wait for."""
    code = code_of(raw)
    go_ahead = 300 <= reply.code < 400 or (head.command.spec.waits and reply.positive)
    made_go_ahead = 300 <= code < 400 or (head.command.spec.waits and 200 <= code < 300)
    return head.stage in ("command", "sasl") and go_ahead != made_go_ahead


def message_size(session: Session, head: Exchange) -> int | None:
    """Octets of the whole message that ``head`` ends; None where it ends none."""
    if head.stage == "text":
        return head.size
    return session.dialogue.envelope.size + head.size if ends_message(head) else None


def rules_for(session: Session, head: Exchange) -> tuple[Rules, ...]:
    """The lists of rules to ask, one after the other."""
    book = session.rulebook
    if head.stage == "greeting":
        return (book.greeting,) if book.greeting else ()
    by_verb = session.rules_for(book.reply, head.command)
    if book.message and ends_message(head):
        return (book.message, by_verb)
    return (by_verb,) if by_verb else ()


def masks(rule: Rule) -> bool:
    """Whether a rule masks a greeting."""
    return isinstance(rule.action, Mask)


def altered(rule: Rule, reply: Reply) -> bytes:
    """The octets that go out in place of a greeting or reply."""
    if isinstance(rule.action, Reject):
        return refusal(rule)
    if isinstance(rule.action, Rewrite):
        return rewritten(rule.action.to, reply.raw.rstrip(b"\r\n"))
    return b"".join(banner_mask(line) for line in reply.lines)


# --- EHLO ----------------------------------------------------------------------------------------------------------


def advertised(action: Advertise, reply: Reply) -> Reply:
    """The reply to EHLO with the rule's keywords in it."""
    first, *lines = reply.lines
    if action.instead:
        lines = []
    offered = {keyword_name(line) for line in lines}
    made = (b"250 " + keyword.encode("ascii") + b"\r\n" for keyword in action.keywords)
    lines += [line for line in made if keyword_name(line) not in offered]
    return Reply(join_lines([first, *lines]), reply.code)


def judge_keywords(session: Session, command: Command, reply: Reply, raw: bytes) -> bytes:
    """The reply to EHLO with its keywords stripped or masked as the rules say; ``raw`` itself where none applies."""
    first, *lines = reply.lines
    kept = [first]
    masked = 0
    changed = False
    facts = session.facts(command, line=b"", code=reply.code)
    for line in lines:
        facts.line = keyword_text(line)
        facts.length = len(facts.line) + len(b"\r\n")
        facts.keyword = keyword_name(line)
        rule = session.judge(session.rulebook.keyword, facts)
        if session.closed:
            return raw
        if rule is None or isinstance(rule.action, Pass):
            kept.append(line)
            continue
        changed = True
        if isinstance(rule.action, Mask):
            kept.append(masked_keyword(line, rule.action.style, masked))
            masked += 1
        elif isinstance(rule.action, Rewrite):
            kept.append(line[:4] + rewritten(rule.action.to, keyword_text(line)))
        elif not isinstance(rule.action, Strip) and session.carry_out(rule):
            return raw
    return join_lines(kept) if changed else raw


# --- consequences --------------------------------------------------------------------------------------------------


def consequences(session: Session, head: Exchange, reply: Reply) -> None:
    """What the delivered reply changes: the session's state, and what the client's next octets are."""
    stage = head.stage
    if stage == "greeting":
        session.dialogue.greeted = reply.code == 220
        session.client_flow.greeting_passed()
    elif stage == "blob":
        _record_blob(session, head, True, reply.code)
    elif stage == "text":
        session.dialogue.envelope.size = head.size
        _record_message(session, head, reply)
    elif stage == "chunk":
        if head.owed <= 0:
            session.dialogue.envelope.size += head.size
        if head.last:
            _record_message(session, head, reply)
    elif head.command.spec.payload == "sasl":
        _after_sasl(session, head, reply)
    else:
        _after_command(session, head, reply)


def _after_command(session: Session, head: Exchange, reply: Reply) -> None:
    command = head.command
    spec = command.spec
    if reply.positive and spec.change:
        session.dialogue.accepted(command, session.now)
    if not spec.waits:
        return
    flow = session.client_flow
    if reply.code == 354 and spec.payload == "text":
        flow.begin_text(command)
    elif reply.code == 354 and spec.payload == "blob":
        flow.begin_blob(command)
    elif spec.payload == "tls":
        _after_starttls(session, command, reply)
    elif spec.change == "turn" and reply.positive:
        _turn(session, command)
    else:
        if spec.payload == "blob":
            _record_blob(session, head, False, reply.code)
        flow.proceed()


def _after_sasl(session: Session, head: Exchange, reply: Reply) -> None:
    if reply.code == 334:
        session.sasl = head.command
        session.client_flow.begin_sasl()
        return
    session.dialogue.authenticated |= reply.positive
    session.client_flow.end_sasl()


def _after_starttls(session: Session, command: Command, reply: Reply) -> None:
    if reply.code != 220:
        session.record("starttls", outcome="refused", code=reply.code)
        session.client_flow.proceed()
        return
    session.record("starttls", outcome="tunnel", code=220)
    session.server_flow.expect_tls()
    session.client_flow.begin_tls(command)


def _turn(session: Session, command: Command) -> None:
    outcome = session.rulebook.turn
    session.record("turn", verb=command.name, outcome=outcome)
    if outcome == "swap":
        session.swapped = True
    else:
        session.tunnel()


def swap_roles(session: Session, rest: bytes) -> None:
    """TURN was accepted (RFC 821 3.8): who was the client greets, who was the server commands.

    ``rest``: what the old server sent behind its last reply; it is the first of the new client.
    """
    client, server = session.client_flow, session.server_flow
    tls = session.dialogue.tls
    session.dialogue = Dialogue()
    session.dialogue.tls = tls
    session.since = session.now
    server.finish_piece()
    held = client.turn_round()
    server.turn_round()
    # Counted by side, and what is read again below only once.
    client.octets, server.octets = server.octets - len(rest), client.octets - len(held)
    client.ended, server.ended = server.ended, client.ended
    client.finished, server.finished = server.finished, client.finished
    client.begin_anew()
    server.begin_anew()
    if held:
        server.receive(held)
    if rest:
        client.receive(rest)


def _record_blob(session: Session, head: Exchange, completed: bool, code: int) -> None:
    words = head.command.argument.split()
    session.record(
        "xexch50",
        size=blob_size(head.command),
        recipients_argument=words[1][:WORD_OCTETS].decode("latin-1") if len(words) > 1 else "",
        code=354 if completed else code,
        completed=completed,
        reply=code,
    )


def refuse_message(session: Session, head: Exchange) -> None:
    """The client hears our own refusal of a text that the server has not seen the end of, and the session ends."""
    if head.owed <= 0:
        session.fail(b"")  # the server's own last words were the answer
        return
    raw = head.own or b""
    head.complete = True
    head.owed = 0
    session.dialogue.envelope.size = head.size
    _record_message(session, head, Reply(raw, code_of(raw)))
    session.fail(raw)


def _record_message(session: Session, head: Exchange, reply: Reply) -> None:
    if reply.positive and not head.taken:
        head.taken = reply.code
    if head.owed > 0:
        return
    accepted = head.taken > 0
    envelope = session.dialogue.end_message()
    session.count("messages_accepted" if accepted else "messages_refused")
    session.record(
        "message",
        sender=told_address(envelope.sender or b""),
        recipients=told_addresses(envelope.recipients),
        recipient_count=envelope.count,
        size=envelope.size,
        verb=head.command.name,
        code=head.taken or reply.code,
        accepted=accepted,
        seconds=round(session.now - envelope.since, 3) if envelope.mail is not None else 0.0,
    )
