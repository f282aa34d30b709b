"""STARTTLS, listed or not, the handshake behind its 220, and EHLO under TLS. Certificates are not judged."""

from __future__ import annotations

from smtpguard.analyzer.probing import Examination

STARTTLS = "probe: STARTTLS"


async def starttls(examination: Examination) -> None:
    """EHLO, STARTTLS, the handshake, EHLO."""
    async with examination.session(STARTTLS) as session:
        if not await session.open() or not await session.hello():
            await session.quit()
            return
        step = await session.say("STARTTLS", b"STARTTLS\r\n")
        if step.code == 220 and not step.failure:
            if (await session.start_tls()).failure:
                return
            await session.say("EHLO under TLS", b"EHLO %b\r\n" % session.own_name)
        await session.quit()
