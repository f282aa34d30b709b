"""Lines just over the caps that boxes document, each well within what servers take. Never an overflow.

RFC 5321 4.5.3.1.4 allows 512 octets a command line and 254 of an address (4.5.3.1.3, 256 with its brackets).
"""

from __future__ import annotations

from smtpguard.analyzer.probing import Examination

LENGTHS = "probe: line lengths"

# An address of 254 octets: the line of MAIL FROM has 268 with it, two over ISA 2000's 266.
_DOMAIN = b".".join((b"x" * 60, b"y" * 60, b"z" * 59, b"invalid"))
LONG_SENDER = b"s" * 64 + b"@" + _DOMAIN
CAPPED = (
    ("NOOP of 16 octets", b"NOOP smtpguard\r\n"),  # ISA 2000: NOOP has 6 octets
    ("MAIL of 266 octets and more", b"MAIL FROM:<%b>\r\n"),  # ISA 2000: 266
    ("RSET behind the long MAIL", b"RSET\r\n"),
    ("line of 520 octets", b"NOOP " + b"x" * 513 + b"\r\n"),  # Cisco ASA: 512
)


async def lengths(examination: Examination) -> None:
    """EHLO and each of the lines, until one of them ends the session."""
    async with examination.session(LENGTHS) as session:
        if not await session.open():
            return
        await session.hello()
        for name, line in CAPPED:
            if session.steps[-1].failure or session.steps[-1].code == 421:
                return
            await session.say(name, line % LONG_SENDER if b"%b" in line else line)
        await session.quit()
