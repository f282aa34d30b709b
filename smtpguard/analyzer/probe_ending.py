"""A message whose CRLF.CRLF comes in two TCP segments: a box that looks at each alone misses its end (CSCds90792)."""

from __future__ import annotations

from smtpguard.analyzer.probing import Examination

ENDING = "probe: a message whose end is split"
_PAUSE = 0.2  # seconds; long enough that no stack joins the two


async def split_end(examination: Examination) -> None:
    """EHLO, MAIL, RCPT, DATA, and the sample message with its last CRLF in a segment of its own."""
    async with examination.session(ENDING) as session:
        ready = await session.open() and await session.hello() and await session.envelope()
        if ready and (await session.say("DATA", b"DATA\r\n")).accepted:
            await session.say("message in two segments", examination.content + b".", b"\r\n", pause=_PAUSE)
        await session.quit()
