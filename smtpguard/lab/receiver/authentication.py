"""AUTH (RFC 4954) and X-EXPS, its twin between Exchange servers: the exchange of lines around a mechanism.

An account of ``ReceiverSettings.users`` is that of an Exchange server, by whichever of the two verbs it came. Passwords
and the octets of an exchange enter no record.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from smtpguard.lab.receiver.mechanisms import Challenge, Ended, Login, Mechanism, Ntlm

if TYPE_CHECKING:
    from smtpguard.lab.receiver.session import ReceiverSession

LONGEST_LINE = 12_286  # RFC 4954 4: 12,288 octets with the line end


async def authenticate(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    """``AUTH <mechanism> [<initial response>]``."""
    await _begin(session, "AUTH", argument)


async def exchange_authenticate(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    """``X-EXPS <mechanism> [<initial response>]``."""
    await _begin(session, "X-EXPS", argument)


async def _begin(session: ReceiverSession, verb: str, argument: bytes) -> None:
    if session.user or session.transaction.mail_from is not None:
        return await session.say("bad_sequence")
    word, _, initial = argument.partition(b" ")
    name = word.decode("latin-1").upper()
    if not name:
        return await session.say("arguments")
    if name not in session.host.profile.mechanisms.get(verb, ()):
        return await session.say("mechanism_unknown")
    if name == "GSSAPI":
        return await session.say("no_gssapi")
    users = session.host.settings.users
    mechanism: Mechanism = Ntlm(users, session.host.nonces) if name == "NTLM" else Login(users)
    ended = await _exchange(session, mechanism, initial.strip(b" "))
    if ended is None:
        return None
    session.record(
        "authenticated" if ended.proved else "authentication-failed",
        {"verb": verb, "mechanism": name, "user": ended.user, "connection": session.number},
    )
    if not ended.proved:
        return await session.say("authentication_failed", mechanism=name.lower())
    session.user = ended.user
    return await session.say("authenticated", mechanism=name.lower())


async def _exchange(session: ReceiverSession, mechanism: Mechanism, initial: bytes) -> Ended | None:
    """Lines to and fro until the mechanism has come to its end; None when the exchange was broken off and answered."""
    response = None if not initial else _decoded(initial)
    if initial and response is None:
        await session.say("arguments")
        return None
    while True:
        step = mechanism.step(response)
        if isinstance(step, Ended):
            return step
        await _challenge(session, step)
        line = await session.line(LONGEST_LINE)
        if line is None:
            session.leave()
            await session.say("too_long")
            return None
        if line == b"*":
            await session.say("authentication_cancelled")
            return None
        response = _decoded(line)
        if response is None:
            await session.say("arguments")
            return None


async def _challenge(session: ReceiverSession, step: Challenge) -> None:
    if step.prompt is not None:
        return await session.say(step.prompt)
    return await session.send("334 " + base64.b64encode(step.octets).decode("ascii"))


def _decoded(text: bytes) -> bytes | None:
    if text == b"=":  # RFC 4954 4: an initial response of no octets
        return b""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None
