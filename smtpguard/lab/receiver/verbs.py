"""The receiver's verbs, one function each, and the table that finds them. Here the small ones; the others beside it.

Each takes the session, the line as it came and what stands behind the verb. Whether a verb is known at all is asked
before (``offer``).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from smtpguard.lab.receiver.authentication import authenticate, exchange_authenticate
from smtpguard.lab.receiver.content import bdat, data, xexch50
from smtpguard.lab.receiver.envelope import read_path
from smtpguard.lab.receiver.link_state import link_state

if TYPE_CHECKING:
    from smtpguard.lab.receiver.session import ReceiverSession

Verb = Callable[["ReceiverSession", bytes, bytes], Awaitable[None]]


async def _helo(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    session.forget_transaction()
    await session.say("helo")


async def _ehlo(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    session.forget_transaction()
    *first, last = session.offer.lines(tls=session.tls)
    await session.send(session.fill("\r\n".join([*(f"250-{line}" for line in first), f"250 {last}"])))


async def _mail(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    path = read_path("MAIL", argument, session.offer.parameters("MAIL"))
    if path is None:
        return await session.say("arguments")
    if session.transaction.mail_from is not None:
        return await session.say("bad_sequence")
    size = path.parameters.get("SIZE")
    limit = session.host.profile.largest_message
    if limit is not None and int(size or 0) > limit:
        return await session.say("too_big")
    session.transaction.mail_from = path.address
    session.transaction.parameters = path.parameters
    reply = "sender" if size is None or session.host.profile.replies.sender_sized is None else "sender_sized"
    return await session.say(reply, address=path.address or "<>", path=f"<{path.address}>", octets=size)


async def _rcpt(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    path = read_path("RCPT", argument, session.offer.parameters("RCPT"))
    if path is None or not path.address:
        return await session.say("arguments")
    if session.transaction.mail_from is None:
        return await session.say("bad_sequence")
    domain = path.address.rpartition("@")[2].lower()
    # RFC 5321 4.5.1: the postmaster needs no domain.
    if domain not in session.host.domains and path.address.lower() != "postmaster":
        return await session.say("relay", address=path.address)
    session.transaction.rcpt_tos.append(path.address)
    session.transaction.recipient_parameters.append(path.parameters)
    return await session.say("recipient", address=path.address, path=f"<{path.address}>")


async def _rset(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    session.forget_transaction()
    await session.say("reset")


async def _noop(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    await session.say("noop")


async def _vrfy(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    address = argument.decode("latin-1")
    if not address:
        return await session.say("arguments")
    return await session.say("vrfy", address=address if "@" in address else f"{address}@{session.host.fqdn}")


async def _help(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    await session.say("help")


async def _etrn(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    if not argument:
        return await session.say("arguments")
    return await session.say("etrn", address=argument.decode("latin-1"))


async def _turn(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    """TURN and ATRN: a stranger is refused (RFC 5321 F.1), and nothing ever waits for a peer here."""
    await session.say("turn_empty" if session.user else "turn_refused")


async def _starttls(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    if argument:
        return await session.say("arguments")
    if session.tls:
        return await session.say("bad_sequence")
    await session.say("tls_go_ahead")
    return await session.start_tls()


async def _quit(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    session.leave()
    await session.say("quit")


VERBS: dict[str, Verb] = {
    "HELO": _helo,
    "EHLO": _ehlo,
    "MAIL": _mail,
    "RCPT": _rcpt,
    "DATA": data,
    "BDAT": bdat,
    "XEXCH50": xexch50,
    "X-LINK2STATE": link_state,
    "AUTH": authenticate,
    "X-EXPS": exchange_authenticate,
    "RSET": _rset,
    "NOOP": _noop,
    "VRFY": _vrfy,
    "HELP": _help,
    "ETRN": _etrn,
    "TURN": _turn,
    "ATRN": _turn,
    "STARTTLS": _starttls,
    "QUIT": _quit,
}
