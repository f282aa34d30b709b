"""Unknown verbs: who answers them, in which words, and after how many the connection ends.

NOOP and HELO are said before, as samples of the server's answers: a box may turn one verb into another.
"""

from __future__ import annotations

from smtpguard.analyzer.probing import Examination

UNKNOWN_VERBS = "probe: unknown verbs"
VERB = b"XYZZY\r\n"
# One more than Cisco ESA allows. Servers have limits of their own: Exim ends at the fourth, Postfix at the twentieth.
TRIES = 6


async def unknown_verbs(examination: Examination) -> None:
    """EHLO, NOOP, HELO, and six times a verb that nobody knows."""
    async with examination.session(UNKNOWN_VERBS) as session:
        if not await session.open():
            return
        await session.hello()
        for name, octets in (
            ("NOOP", b"NOOP\r\n"),
            ("HELO again", b"HELO %b\r\n" % session.own_name),
            *((f"unknown verb {number}", VERB) for number in range(1, TRIES + 1)),
        ):
            if session.steps[-1].failure or session.steps[-1].code == 421:
                return
            await session.say(name, octets)
        await session.quit()
