"""The probe for MS03-046, only on demand: does a stranger get a 354 to ``XEXCH50 2 2``? Not an overflow.

Two octets are announced and two are sent, so the session stays in step; RSET takes back what they were part of.
"""

from __future__ import annotations

from smtpguard.analyzer.probing import Examination

STRANGER = "probe: XEXCH50 from a stranger (MS03-046)"


async def unauthenticated_blob(examination: Examination) -> None:
    """EHLO, MAIL, RCPT, ``XEXCH50 2 2``, RSET."""
    async with examination.session(STRANGER) as session:
        if await session.open() and await session.hello() and await session.envelope():
            step = await session.say("XEXCH50 2 2", b"XEXCH50 2 2\r\n")
            if step.code == 354 and not step.failure:
                step = await session.say("two octets", b"\r\n")
            if not step.failure:
                await session.say("RSET", b"RSET\r\n")
        await session.quit()
