"""BDAT: a chunk inside a transaction that is taken back, and one where none may be. No message is sent by either.

The octets of a chunk are NOOP lines. Whoever takes them for commands answers them, which is how that shows; nothing
else comes of it. Where CHUNKING is not listed the chunk is empty: that shows whether the verb works all the same, and
there are no octets that anybody could take for commands.
"""

from __future__ import annotations

from smtpguard.analyzer.probing import Examination

CHUNK = "probe: a BDAT chunk"
OUT_OF_TURN = "probe: BDAT before MAIL"
LINES = b"NOOP\r\n" * 5


async def chunk(examination: Examination) -> None:
    """EHLO, MAIL, RCPT, one chunk that is not the last, RSET."""
    octets = LINES if examination.ehlo.has("CHUNKING") else b""
    async with examination.session(CHUNK) as session:
        if await session.open() and await session.hello() and await session.envelope():
            await session.say("chunk", b"BDAT %d\r\n%b" % (len(octets), octets))
            if not session.steps[-1].failure:
                await session.say("RSET", b"RSET\r\n")
        await session.quit_and_listen()


async def out_of_turn(examination: Examination) -> None:
    """EHLO and a last chunk without a transaction: a server refuses it and takes its octets (RFC 3030 2)."""
    if not examination.ehlo.has("CHUNKING"):
        return
    async with examination.session(OUT_OF_TURN) as session:
        if await session.open() and await session.hello():
            await session.say("chunk without MAIL", b"BDAT %d LAST\r\n%b" % (len(LINES), LINES))
        await session.quit_and_listen()
