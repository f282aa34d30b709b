"""XEXCH50 with a blob of 1020 octets, the size of KB818222, and RSET behind it: no message follows.

The blob goes out only behind a 354, and is exactly as long as announced. The first one has no line end, like the real
ones, so a box that reads lines waits for ever; where that one is lost, a second one of whole lines tells such a box.
"""

from __future__ import annotations

from smtpguard.analyzer.probing import Examination
from smtpguard.analyzer.session import Session

BLOB = "probe: XEXCH50 and its blob"
BLOB_OF_LINES = "probe: XEXCH50 and a blob of lines"
SIZE = 1020
COMMAND = b"XEXCH50 %d 2\r\n" % SIZE
WITHOUT_LINES = b"smtpguard." * (SIZE // 10)
LINES = b"SMTPGUARD-BLOB-ROW\r\n" * (SIZE // 20)


async def blob(examination: Examination) -> None:
    """EHLO, MAIL, RCPT, XEXCH50, the blob, RSET; twice where the first blob was not answered."""
    async with examination.session(BLOB) as session:
        lost = await _offer(session, WITHOUT_LINES)
    if lost:
        async with examination.session(BLOB_OF_LINES) as session:
            await _offer(session, LINES)


async def _offer(session: Session, octets: bytes) -> bool:
    """Whether the blob went out and was not answered."""
    if not (await session.open() and await session.hello() and await session.envelope()):
        await session.quit()
        return False
    step = await session.say("XEXCH50", COMMAND)
    sent = step.code == 354 and not step.failure
    if sent:
        step = await session.say("blob", octets)
    if not step.failure:
        await session.say("RSET", b"RSET\r\n")
    await session.quit_and_listen()
    return sent and bool(step.failure)
