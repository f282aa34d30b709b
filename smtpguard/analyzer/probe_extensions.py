"""The verbs of the extensions, bare: whether the server knows them, listed or not.

Each is sent without its argument, so nothing happens but an answer: a server that knows the verb asks for the argument
(501) or for something else first, one that does not says that the verb is unknown. Only verbs that the server lists,
or that a system of its kind should have, are tried. TURN and ATRN are not: they would turn the session round.
"""

from __future__ import annotations

from smtpguard.analyzer.probing import Examination

EXTENSION_VERBS = "probe: verbs of the extensions"
# Verb, and the keyword that offers it.
VERBS = {"VRFY": "VRFY", "ETRN": "ETRN", "HELP": "HELP", "AUTH": "AUTH", "X-EXPS": "X-EXPS",
         "X-LINK2STATE": "X-LINK2STATE"}  # fmt: skip


async def extension_verbs(examination: Examination) -> None:
    """EHLO and each of the verbs that may be there."""
    system = examination.classified.system
    wanted = {*examination.ehlo.names, *system.defaults, *system.wanted}
    if "XEXCH50" in wanted:  # every list of Exchange but that of 5.5 has X-EXPS too
        wanted.add("X-EXPS")
    async with examination.session(EXTENSION_VERBS) as session:
        if not await session.open():
            return
        await session.hello()
        for verb, keyword in VERBS.items():
            if session.steps[-1].failure or session.steps[-1].code == 421:
                return
            if keyword in wanted:
                await session.say(verb, verb.encode("ascii") + b"\r\n")
                if session.steps[-1].code == 334:
                    await session.say(f"{verb} given up", b"*\r\n")  # RFC 4954 4
        await session.quit()
