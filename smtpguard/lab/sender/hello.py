"""Steps 4 and 5: EHLO or HELO, TLS where it is wanted, EHLO again behind it, authentication.

With ``starttls: offered`` a server that does not offer it, or refuses it, is spoken to in clear, and a record says so.
With ``required`` it gets no mail: the message waits for a better day and expires. A handshake that fails ends the
attempt either way. Certificates are not verified, as mail servers that use TLS where they can don't (RFC 7435); the
record says that too.
"""

from __future__ import annotations

import ssl

from smtpguard.lab.sender.attempt import Course, RefusedError
from smtpguard.lab.sender.authentication import authenticate
from smtpguard.lab.sender.connection import Connection, accepted
from smtpguard.lab.sender.ntlm_nonces import Nonces
from smtpguard.lab.sender.offer import Offer
from smtpguard.lab.sender.settings import SenderSettings
from smtpguard.lab.sender.steps import Step
from smtpguard.lab.sender.wire import AttemptError

# Ours.
NO_TLS = "The remote host does not offer STARTTLS, which is required."
TLS_REFUSED = "The remote host refused STARTTLS, which is required."

OURS = ("NO_TLS", "TLS_REFUSED")


async def introduce(connection: Connection, settings: SenderSettings, nonces: Nonces, course: Course) -> Offer:
    """What the server offers in the end. Raises ``AttemptError`` or ``RefusedError``."""
    offer = await _hello(connection, settings, course)
    if settings.starttls != "never" and await _secure(connection, settings, offer, course):
        offer = await _hello(connection, settings, course)
    await authenticate(connection, offer, settings, nonces)
    return offer


async def _hello(connection: Connection, settings: SenderSettings, course: Course) -> Offer:
    name = settings.host.encode("ascii")
    course.board.reach(Step.EHLO)
    if settings.hello == "EHLO":
        await connection.wire.command(b"EHLO " + name)
        course.board.reach(Step.KEYWORDS)
        reply = await connection.reply()
        if reply.positive:
            return Offer(reply)
    # RFC 5321 3.2: a server that does not know EHLO is asked with HELO, and offers nothing.
    await connection.wire.command(b"HELO " + name)
    course.board.reach(Step.KEYWORDS)
    accepted(await connection.reply())
    return Offer()


async def _secure(connection: Connection, settings: SenderSettings, offer: Offer, course: Course) -> bool:
    """Whether the connection is under TLS now."""
    required = settings.starttls == "required"
    then = "given up" if required else "in clear"
    if "STARTTLS" not in offer:
        connection.record("starttls-not-offered", then=then)
        if required:
            raise AttemptError(NO_TLS)
        return False
    try:
        await connection.demand(b"STARTTLS")
    except RefusedError as refusal:
        connection.record("starttls-refused", reply=refusal.text, then=then)
        if required:
            raise AttemptError(TLS_REFUSED) from None
        return False
    try:
        version, cipher = await connection.wire.start_tls(_context(), connection.remote)
    except AttemptError as failure:
        connection.record("tls-failed", reason=failure.reason)
        raise
    connection.tls = True
    connection.record("tls", version=version, cipher=cipher, certificate="not verified")
    course.transcript.note(connection.wire.now, f"{version}, certificate not verified")
    return True


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
