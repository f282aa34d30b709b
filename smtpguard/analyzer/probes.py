"""The probes of the path doctor, one row each: what it tries, in which order, and what it needs to be allowed.

A probe holds sessions of its own and looks at nothing: what its steps mean is read afterwards (``traces``). None of
them sends a message but ``ending``, and none sends an overflow: the longest line has 520 octets, the only blob has
exactly the octets that were announced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from smtpguard.analyzer.probe_bdat import chunk, out_of_turn
from smtpguard.analyzer.probe_ending import split_end
from smtpguard.analyzer.probe_extensions import extension_verbs
from smtpguard.analyzer.probe_lengths import lengths
from smtpguard.analyzer.probe_security import unauthenticated_blob
from smtpguard.analyzer.probe_starttls import starttls
from smtpguard.analyzer.probe_typing import typed
from smtpguard.analyzer.probe_verbs import unknown_verbs
from smtpguard.analyzer.probe_xexch50 import blob
from smtpguard.analyzer.probing import Examination


@dataclass(frozen=True, slots=True)
class Probe:
    """``says`` is the progress line. ``message``: it sends one; ``security``: it runs only when asked for."""

    id: str
    says: str
    run: Callable[[Examination], Awaitable[None]]
    message: bool = False
    security: bool = False


PROBES = (
    Probe("verbs", "unknown verbs: who answers them, and how many", unknown_verbs),
    Probe("extensions", "verbs of the extensions, listed or not", extension_verbs),
    Probe("typing", "a command typed octet by octet", typed),
    Probe("lengths", "lines just over the caps that boxes document", lengths),
    Probe("bdat", "a BDAT chunk, taken back by RSET", chunk),
    Probe("bdat-out-of-turn", "a BDAT chunk before MAIL", out_of_turn),
    Probe("xexch50", "XEXCH50 with its blob, taken back by RSET", blob),
    Probe("starttls", "STARTTLS and the handshake behind it", starttls),
    Probe("ending", "a message whose CRLF.CRLF comes in two segments", split_end, message=True),
    Probe("ms03-046", "XEXCH50 2 2 from a stranger (MS03-046)", unauthenticated_blob, security=True),
)
