"""The two sessions that Microsoft's checks judge: the mail acceptance test, and the same message by BDAT."""

from __future__ import annotations

from smtpguard.analyzer.session import Session

ACCEPTANCE = "mail acceptance test"
BDAT = "BDAT mail acceptance test"


async def mail_acceptance(session: Session, content: bytes) -> None:
    """Banner, EHLO (HELO where that is refused), MAIL, RCPT, and the message by DATA if the target wants one."""
    async with session:
        if await _up_to_message(session) and (await session.say("DATA", b"DATA\r\n")).accepted:
            await session.say("message", content + b".\r\n")
        await session.quit()


async def bdat_acceptance(session: Session, content: bytes) -> None:
    """The same, with the message in one BDAT chunk (RFC 3030 2)."""
    async with session:
        if await _up_to_message(session):
            await session.say("BDAT", b"BDAT %d LAST\r\n%b" % (len(content), content))
        await session.quit()


async def _up_to_message(session: Session) -> bool:
    return await session.open() and await session.hello() and await session.envelope() and session.target.message
