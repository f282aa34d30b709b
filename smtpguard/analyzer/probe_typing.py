"""A command typed an octet at a time, each in a TCP segment of its own, as a person at a terminal does.

A box that matches verbs segment by segment never sees one: HELO reaches the server as XXXX (Cisco ASA).
"""

from __future__ import annotations

from smtpguard.analyzer.probing import Examination

TYPED = "probe: a command typed octet by octet"
_PAUSE = 0.02  # seconds between octets; long enough that no stack joins two of them


async def typed(examination: Examination) -> None:
    """HELO and NOOP, each typed."""
    async with examination.session(TYPED) as session:
        if not await session.open():
            return
        for name, line in (("typed HELO", b"HELO %b\r\n" % session.own_name), ("typed NOOP", b"NOOP\r\n")):
            if session.steps[-1].failure or session.steps[-1].code == 421:
                return
            await session.say(name, *(line[place : place + 1] for place in range(len(line))), pause=_PAUSE)
        await session.quit()
