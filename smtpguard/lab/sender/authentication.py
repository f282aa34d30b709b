"""Authentication as a server of the organisation does it: LOGIN or NTLM, by X-EXPS where offered, else by AUTH.

The commands go without an initial response, as MS-SMTPNTLM has it: the verb with its mechanism, a 334, then the
messages in base64. Passwords and NTLM messages do not stand in the transcript.

Where the mechanism is not offered, or the server refuses, the sender goes on as a stranger and says so in a record.
"""

from __future__ import annotations

import base64
import binascii

from smtpguard.lab.sender.connection import Connection
from smtpguard.lab.sender.ntlm_nonces import Nonces
from smtpguard.lab.sender.offer import Offer
from smtpguard.lab.sender.settings import SenderSettings
from smtpguard.lab.sender.wire import GARBLED, AttemptError
from smtpguard.smtp.replies import Reply

_VERBS = ("X-EXPS", "AUTH")
_GO_ON = 334


async def authenticate(connection: Connection, offer: Offer, settings: SenderSettings, nonces: Nonces) -> None:
    """Authenticate as ``settings`` says; raises ``AttemptError`` only for what happens to the connection."""
    mechanism = settings.authenticate.upper()
    if mechanism == "NONE":
        return
    verb = next((verb for verb in _VERBS if offer.mechanism(verb, mechanism)), None)
    if verb is None:
        connection.record("authentication-not-offered", mechanism=mechanism)
        return
    if mechanism == "LOGIN":
        reply = await _login(connection, verb, settings)
    else:
        reply = await _ntlm(connection, verb, settings, nonces)
    event = "authenticated" if reply.positive else "authentication-refused"
    connection.record(event, verb=verb, mechanism=mechanism, code=reply.code)


async def _login(connection: Connection, verb: str, settings: SenderSettings) -> Reply:
    reply = await connection.ask(f"{verb} LOGIN".encode("ascii"))
    if reply.code == _GO_ON:
        reply = await connection.ask(base64.b64encode(settings.user.encode("utf-8")))
    if reply.code == _GO_ON:
        await connection.wire.command(base64.b64encode(settings.password.encode("utf-8")), b"[password]")
        reply = await connection.reply()
    return await _broken_off(connection, reply)


async def _ntlm(connection: Connection, verb: str, settings: SenderSettings, nonces: Nonces) -> Reply:
    # Imported here: it costs a tenth of a second, and only a sender that uses NTLM should pay for it.
    import spnego

    with nonces.shown():
        client = spnego.client(settings.user, settings.password, connection.remote, service="SMTP", protocol="ntlm")
    reply = await connection.ask(f"{verb} NTLM".encode("ascii"))
    challenge: bytes | None = None
    for message in (b"[NTLM negotiate]", b"[NTLM authenticate]"):
        if reply.code != _GO_ON:
            return reply
        try:
            with nonces.shown():
                token = client.step(challenge)
        except Exception:
            # Not only SpnegoError: a challenge that is none fails in its parser in whichever way it comes about.
            return await _broken_off(connection, reply)
        await connection.wire.command(base64.b64encode(token or b""), message)
        reply = await connection.wire.reply(b"[NTLM challenge]")
        if reply.code == _GO_ON:
            challenge = _decoded(reply)
    return await _broken_off(connection, reply)


async def _broken_off(connection: Connection, reply: Reply) -> Reply:
    """Cancel an exchange that the server would go on with (RFC 4954 4); any other reply is its end."""
    return await connection.ask(b"*") if reply.code == _GO_ON else reply


def _decoded(reply: Reply) -> bytes:
    try:
        return base64.b64decode(reply.lines[-1][4:].strip(), validate=True)
    except binascii.Error:
        raise AttemptError(GARBLED) from None
