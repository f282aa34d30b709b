"""STARTTLS where the guard has a word in it: a bridge, a refusal, a keyword taken out. A tunnel is the flows' own.

A bridge, in order, so that nothing is lost and no leg is ever downgraded in silence:

    client: STARTTLS        passed on; the client waits, whatever it says behind it is held
    server: 220             kept; TLS with the server (``StartTls(SERVER)``)
    ``started(SERVER)``     only now the 220 goes to the client, then TLS with the client (``StartTls(CLIENT)``)
    ``started(CLIENT)``     both sides forget what was said in clear; the client says EHLO again (RFC 3207 4.2)

A server that refuses is heard by the client, its failure at TLS is a 454 to the client and the end of the session.
Octets in clear where TLS should stand are violations on both legs. Where the guard offers STARTTLS in its own name the
server hears nothing of it, so it can't forget either: nothing that counts may come before it (503), and only an EHLO
after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpguard.inspection.effects import StartTls
from smtpguard.inspection.wording import (
    ANONYMOUS_TLS_REFUSED,
    OWN_TLS_READY,
    STARTTLS_ARGUMENT,
    STARTTLS_REFUSED,
    STARTTLS_STRIPPED,
    TLS_ALREADY,
    TLS_FAILED,
    TLS_TOO_LATE,
    UNSHARED_VERB,
)
from smtpguard.smtp.commands import Command
from smtpguard.smtp.dialogue import Dialogue, Exchange
from smtpguard.smtp.keywords import join_lines, keyword_name
from smtpguard.smtp.replies import Reply
from smtpguard.smtp.sides import CLIENT, SERVER, Side

if TYPE_CHECKING:
    from smtpguard.inspection.client_flow import ClientFlow
    from smtpguard.inspection.session import Session

_SHIELDED = frozenset(("XCLIENT", "XFORWARD"))
_STARTTLS = Command(b"STARTTLS\r\n")


# --- what the client is offered ------------------------------------------------------------------------------------


def offered(session: Session, reply: Reply) -> Reply:
    """The reply to EHLO as the terms want it, ``reply`` itself where that is the same; the rules see the result."""
    terms = session.terms
    first, *lines = reply.lines
    names = {keyword_name(line) for line in lines}
    hidden = _SHIELDED & names if terms.shielded else frozenset()
    if terms.starttls in ("bridge", "strip") or session.dialogue.tls:
        hidden |= {"X-ANONYMOUSTLS"} & names
    if terms.starttls == "strip" or session.dialogue.tls:
        hidden |= {"STARTTLS"} & names
    elif terms.starttls == "bridge":
        session.offers_tls = terms.offer == "always" or (terms.offer == "missing" and "STARTTLS" not in names)
    add = session.offers_tls and "STARTTLS" not in names
    if not hidden and not add:
        return reply
    if terms.starttls == "strip" and "STARTTLS" in hidden:
        session.record("starttls", outcome="stripped", code=reply.code)
    kept = [line for line in lines if keyword_name(line) not in hidden]
    if add:
        kept.append(b"250 STARTTLS\r\n")
    return Reply(join_lines([first, *kept]), reply.code)


# --- the command ---------------------------------------------------------------------------------------------------


def answered(flow: ClientFlow, command: Command) -> bool:
    """Answer a verb for TLS, XCLIENT or XFORWARD in the server's place, where the terms say so; False to pass it on."""
    session = flow.session
    terms = session.terms
    if command.spec.payload != "tls":
        if not (terms.shielded and command.verb in _SHIELDED):
            return False
        session.record("unshared-verb", verb=command.verb)
        flow.answer(command, UNSHARED_VERB)
    elif terms.starttls == "tunnel" and not session.dialogue.tls:
        return False
    elif command.verb == "X-ANONYMOUSTLS":
        # It can't be bridged, and would be a way past the inspection: Exchange takes STARTTLS where it is missing.
        session.record("starttls", outcome="refused", code=502)
        flow.answer(command, ANONYMOUS_TLS_REFUSED)
    elif session.dialogue.tls:
        flow.answer(command, TLS_ALREADY)
    elif terms.starttls == "bridge" and flow.side is CLIENT:
        if not session.offers_tls:
            return False
        flow.hold_for_own(command, OWN_TLS_READY)
    else:
        stripped = terms.starttls == "strip"
        session.record("starttls", outcome="refused", code=502 if stripped else 454)
        flow.answer(command, STARTTLS_STRIPPED if stripped else STARTTLS_REFUSED)
    return True


def own_turn(session: Session, exchange: Exchange, own: bytes) -> bytes:
    """Our reply to STARTTLS has reached its turn: what is to be said, or nothing where it has been said here."""
    if own is not OWN_TLS_READY:
        return own
    dialogue = session.dialogue
    flow = session.client_flow
    if exchange.command.argument:
        own = STARTTLS_ARGUMENT
    elif dialogue.authenticated or dialogue.envelope.mail is not None or dialogue.hello != "EHLO":
        own = TLS_TOO_LATE
    elif flow.held:
        session.tls_stage = CLIENT
        session.violation("starttls-injection", exchange.command)
        return b""
    elif flow.ended:
        # Its half of the handshake can't come any more.
        session.record("starttls", outcome="failed", side=CLIENT.value, why="the client has ended")
        session.fail(STARTTLS_REFUSED)
        return b""
    session.send_own(own)
    if own is OWN_TLS_READY:
        session.tls_stage = CLIENT
        session.effects.append(StartTls(CLIENT))
    else:
        flow.proceed()
    return b""


def server_agreed(session: Session, exchange: Exchange, raw: bytes) -> None:
    """220: TLS with the server first, ``raw`` waits."""
    session.tls_stage = SERVER
    if session.client_flow.held:
        session.violation("starttls-injection", exchange.command)
        return
    if session.client_flow.finished:
        # So is our own direction towards the server: nobody can shake hands any more.
        session.record("starttls", outcome="failed", side=SERVER.value, why="the client has ended")
        session.fail(TLS_FAILED)
        return
    session.tls_reply = raw
    session.since = session.now
    session.server_flow.expect_tls()
    session.effects.append(StartTls(SERVER))


# --- what the relay reports ----------------------------------------------------------------------------------------


def started(session: Session, side: Side) -> None:
    """TLS with ``side`` is up. A shadow has asked for nothing: for it the 220 counts, as long as it is no tunnel."""
    if session.tls_stage is not side and not (side is CLIENT and session.server_flow.before_tls):
        return
    if side is SERVER:
        if session.client_flow.held:
            session.violation("starttls-injection", _STARTTLS)
            return
        session.dialogue.pending.popleft()
        session.server_flow.begin_in_tls()
        session.send(CLIENT, session.tls_reply)
        session.tls_reply = b""
        session.tls_stage = CLIENT
        session.since = session.now
        session.effects.append(StartTls(CLIENT))
        return
    own = session.offers_tls
    session.tls_stage = None
    session.offers_tls = False
    session.dialogue = dialogue = Dialogue()
    dialogue.pending.clear()
    dialogue.greeted = True
    dialogue.tls = True
    session.link2state_first = False
    session.since = session.now
    session.server_flow.begin_in_tls()
    session.client_flow.begin_in_tls(hello_first=own)
    session.record("starttls", outcome="bridge", code=220, upstream="clear" if own else "tls")


def failed(session: Session, side: Side, why: str, in_clear: bool) -> None:
    """TLS with ``side`` did not come about; ``in_clear``: because the peer said something else."""
    if session.tls_stage is not side:
        return
    if in_clear:
        session.violation("starttls-injection" if side is CLIENT else "starttls-reply-injection", _STARTTLS)
        if session.closed:
            return
    session.record("starttls", outcome="failed", side=side.value, why=why)
    session.fail(TLS_FAILED if session.tls_stage is SERVER else b"")
