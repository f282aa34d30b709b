"""What carries a message to the receiver: DATA, BDAT (RFC 3030) and, before them, the blob of XEXCH50 (KB812455).

XEXCH50 is answered 354 and then takes exactly the announced octets. BDAT takes its octets at once, also when the chunk
is refused, and knows no dots. A chunk that can't be counted ends the session.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from smtpguard.lab.receiver.mailbox import StoredMessage

if TYPE_CHECKING:
    from smtpguard.lab.receiver.session import ReceiverSession

_BLOB = re.compile(rb"([0-9]{1,10}) +([0-9]{1,10})")
_LONGEST_XEXCH50 = 48  # KB812455: the command is at most 50 octets, its line end among them
_CHUNK = re.compile(rb"([0-9]{1,10})( +LAST)?", re.IGNORECASE)
_MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(<[^<>\r\n]+>)")


async def xexch50(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    """``XEXCH50 <bytes> <n>``: the message properties of one Exchange server for another, opaque here."""
    match = _BLOB.fullmatch(argument)
    if match is None or len(line) > _LONGEST_XEXCH50 or int(match[1]) > session.host.profile.largest_blob:
        return await session.say("arguments")
    if not session.transaction.rcpt_tos:
        return await session.say("need_recipient")
    if not session.user and not session.host.settings.strangers_may_xexch50:
        session.record(
            "blob-refused",
            {
                "command": line.decode("latin-1"),
                "reply": session.host.profile.replies.text("blob_refused"),
                "client": session.peer_address(),
                "connection": session.number,
            },
        )
        return await session.say("blob_refused")
    await session.say("blob")
    session.transaction.blob = await session.octets(int(match[1]))
    session.record("blob-stored", {"octets": int(match[1])})
    return await session.say("blob_stored")


async def bdat(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    """``BDAT <n> [LAST]``, the octets right behind it."""
    match = _CHUNK.fullmatch(argument)
    if match is None:
        session.leave()
        return await session.say("arguments")
    size, last = int(match[1]), bool(match[2])
    if not session.transaction.rcpt_tos:
        await session.discard(size)
        return await session.say("need_recipient")
    chunks = session.transaction.chunks = session.transaction.chunks or []
    if _too_big(session, sum(map(len, chunks)) + size):
        await session.discard(size)
        session.forget_transaction()
        return await session.say("too_big")
    chunks.append(await session.octets(size))
    if last:
        return await _store(session, b"".join(chunks), "BDAT")
    return await session.say("chunk", octets=size)


async def data(session: ReceiverSession, line: bytes, argument: bytes) -> None:
    """``DATA``; not behind BDAT, and not for what was announced as BINARYMIME (RFC 3030 3)."""
    if not session.transaction.rcpt_tos:
        return await session.say("need_recipient")
    binary = session.transaction.parameters.get("BODY", "").upper() == "BINARYMIME"
    if binary or session.transaction.chunks is not None:
        return await session.say("bad_sequence")
    await session.say("data")
    content = await session.text()
    if _too_big(session, len(content)):
        session.forget_transaction()
        return await session.say("too_big")
    return await _store(session, content, "DATA")


def _too_big(session: ReceiverSession, size: int) -> bool:
    limit = session.host.profile.largest_message
    return limit is not None and size > limit


async def _store(session: ReceiverSession, content: bytes, verb: Literal["DATA", "BDAT"]) -> None:
    found = _MESSAGE_ID.search(content.partition(b"\r\n\r\n")[0])
    transaction = session.transaction
    message = StoredMessage(
        sender=transaction.mail_from or "",
        recipients=tuple(transaction.rcpt_tos),
        content=content,
        blob=transaction.blob,
        verb=verb,
        message_id=found[1].decode("latin-1") if found else session.host.new_message_id(),
        time=session.loop.time(),
        parameters=transaction.parameters,
        recipient_parameters=tuple(transaction.recipient_parameters),
        peer=session.user,
        tls=session.tls,
    )
    session.host.mailbox.keep(message)
    session.record("message-stored", {"verb": verb, "octets": len(content), "sha256": message.sha256})
    session.forget_transaction()
    number = len(session.host.mailbox.messages)
    await session.say("queued" if found else "queued_own_id", message_id=message.message_id, number=number)
