"""What the protocol does not allow, one row a case: its name, who is to blame, and where it is written.

A violation is always recorded. ``uncertain`` ones leave the guard unsure of what the peers take the next octets for;
the policy's ``on-uncertain`` then says whether the session is closed or becomes an opaque tunnel. The others cost
nothing but a record, unless a rule ``on: violation`` says otherwise.
"""

from __future__ import annotations

from typing import NamedTuple

from smtpguard.smtp.sides import CLIENT, SERVER, Side


class Violation(NamedTuple):
    """One row: ``name`` is what policies and records say, ``summary`` is for people, ``source`` is a citation."""

    name: str
    blame: Side
    uncertain: bool
    summary: str
    source: str


_ROWS = (
    Violation("early-talk", CLIENT, False, "the client spoke before the greeting", "RFC 5321 4.3.1"),
    Violation("pipelining", CLIENT, False, "a command followed one that must end its group", "RFC 2920 3.1"),
    Violation("early-data", CLIENT, False, "octets of the text came before the 354", "RFC 5321 4.1.1.4"),
    Violation("early-blob", CLIENT, False, "octets of the blob came before the 354", "KB812455"),
    # Where nothing may be altered this one is uncertain too; else the line is answered 500 and goes no further.
    Violation("bare-lf", CLIENT, False, "a command ended in LF without CR", "RFC 5321 2.3.8"),
    Violation("bare-cr", CLIENT, False, "CR without LF inside a command", "RFC 5321 2.3.8"),
    Violation("nul", CLIENT, False, "NUL inside a command", "RFC 5321 4.1.2"),
    Violation("long-command", CLIENT, False, "a command longer than its verb allows", "RFC 5321 4.5.3.1.4"),
    Violation("endless-line", CLIENT, True, "a line longer than the guard holds", "RFC 5321 4.5.3.1"),
    Violation("bdat-size", CLIENT, True, "BDAT without a size that can be counted", "RFC 3030 2"),
    Violation("bdat-sequence", CLIENT, False, "BDAT after LAST, or DATA and BDAT in one transaction", "RFC 3030 2"),
    Violation("xexch50-size", CLIENT, False, "XEXCH50 without a size that can be counted", "CVE-2003-0714, KB829436"),
    Violation("xexch50-desync", SERVER, True, "354 to an XEXCH50 whose size cannot be counted", "CVE-2003-0714"),
    Violation("link2state-chunk", CLIENT, False, "X-LINK2STATE chunk that overflows", "CVE-2005-0560, MS05-021"),
    Violation("smuggling", CLIENT, False, "a lone dot between line ends that are not CRLF", "CVE-2023-51764"),
    # These two are looked for only under a policy with a rule for them: that takes another look at every octet.
    Violation("text-line-end", CLIENT, False, "CR or LF alone, or NUL, in the text", "RFC 5321 2.3.8"),
    Violation("long-line", CLIENT, False, "a line of the text over 1,000 octets", "RFC 5321 4.5.3.1.6"),
    Violation("starttls-injection", CLIENT, True, "clear text behind STARTTLS", "CVE-2011-0411"),
    Violation("starttls-reply-injection", SERVER, True, "clear text behind the 220 to STARTTLS", "CVE-2021-38371"),
    Violation("unexpected-reply", SERVER, True, "a code that the command cannot have", "RFC 5321 4.3.2"),
    Violation("unsolicited-reply", SERVER, True, "a reply to no command", "RFC 5321 4.2"),
    Violation("early-reply", SERVER, True, "a reply before its payload was complete", "RFC 5321 4.2"),
    Violation("reply-code", SERVER, True, "a reply code outside 200 to 599", "RFC 5321 4.2.1"),
    Violation("reply-code-change", SERVER, True, "the class of the code changes inside a reply", "RFC 5321 4.2.1"),
    Violation("reply-misprint", SERVER, False, "a code changes within its class inside a reply", "RFC 5321 4.2.1"),
    Violation("malformed-reply", SERVER, True, "a line that is no reply line", "RFC 5321 4.2"),
    Violation("endless-reply", SERVER, True, "a reply longer than the guard holds", "RFC 5321 4.5.3.1.5"),
    Violation("cut-reply", SERVER, False, "the server closed inside a reply", "RFC 5321 4.2"),
)

VIOLATIONS: dict[str, Violation] = {row.name: row for row in _ROWS}

ANSWERABLE = frozenset((
    "pipelining", "bare-lf", "bare-cr", "nul", "long-command", "bdat-sequence", "xexch50-size", "link2state-chunk",
))  # fmt: skip
"""Those of one command: who refuses it knows where the next one begins. A refusal of the others ends the session."""
