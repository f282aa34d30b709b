"""A command line taken apart: verb, argument, and the few arguments that say how octets are framed.

Total: any line gives a ``Command``; what cannot be read is ``None`` and the caller's to judge.
"""

from __future__ import annotations

import re

from smtpguard.smtp.verbs import UNKNOWN, VERBS, Verb

BLANKS = b" \t\v\f"
"""Servers skip these before a verb and between words (Postfix does: C's isspace), so the guard must see the verb that
they see. One that skips none of them answers 500, and no octet is lost over that."""

_WORD = re.compile(rb"[ \t\v\f]*([^ \t\v\f\r\n]*)")
_BY_WORD: dict[bytes, Verb] = {name.encode(): verb for name, verb in VERBS.items()}

# RFC 3030 2: chunk-size is 1*DIGIT. One blank or more is what servers take; anything else is a size that two
# parsers may read differently. 18 digits stay below 2**63, where C parsers begin to disagree.
_BDAT = re.compile(rb"BDAT +(\d{1,18})( +LAST)? *\r\n\Z", re.IGNORECASE)
# KB812455: two numbers. At most 1 GiB of blob.
_XEXCH50 = re.compile(rb"(\d{1,10})[ \t]+(\d{1,10})\Z")
XEXCH50_CAP = 2**30

# A quoted local part may hold a ">" (RFC 5321 4.1.2).
_PATH = re.compile(
    rb"""[ \t\v\f]*+[^ \t\v\f\r\n]*+[ \t\v\f]*(?:FROM|TO)[ \t\v\f]*:[ \t\v\f]*"""
    rb"""(?:<((?:"(?:[^"\\]|\\.)*"|[^>"])*)>|<([^>]*)>|([^ \t\v\f<>]*))""",
    re.IGNORECASE | re.DOTALL,
)
_BARE = 3  # the group of a path without brackets, which may reach to the line's end
_SIZE = re.compile(rb"[ \t\v\f]SIZE=(\d{1,18})(?=[ \t\v\f]|\Z)", re.IGNORECASE)

# CVE-2005-0560: a chunk longer than this overflowed the sink's buffer.
LINK2STATE_CHUNK_CAP = 520
# Taken once and for all (?+): given back blank by blank, a line full of them would be searched anew from each.
_CHUNK = re.compile(
    rb"(?:(FIRST|NEXT|LAST)[ \t\v\f]++)?+.*?CHUNK=(?:\{([0-9A-F]{8})\})?(.*)\Z", re.IGNORECASE | re.DOTALL
)


PLAIN: dict[bytes, Verb] = {
    word: verb
    for word, verb in _BY_WORD.items()
    if len(word) == 4 and verb.payload in ("", "text") and verb.change != "turn"
}
"""The verbs of four letters, in capitals, behind which nothing is counted or turned round."""


class Command:
    """One command line. ``verb`` is upper case; its ``spec`` is ``UNKNOWN`` for a verb outside the table."""

    __slots__ = ("line", "spec", "verb")

    def __init__(self, line: bytes, spec: Verb | None = None) -> None:
        self.line = line
        if spec is not None:
            self.spec = spec
            self.verb = spec.name
            return
        match = _WORD.match(line)
        word = match[1].upper() if match else b""
        self.spec = _BY_WORD.get(word, UNKNOWN)
        self.verb = self.spec.name or word.decode("latin-1")

    @property
    def argument(self) -> bytes:
        """What stands behind the verb, without blanks and CRLF at its ends."""
        match = _WORD.match(self.line)
        rest = self.line[match.end() :] if match else b""
        # No pattern here: one that looks for the blanks at the end takes seconds over a line full of them.
        return rest.removesuffix(b"\n").removesuffix(b"\r").strip(BLANKS)

    @property
    def name(self) -> str:
        """The verb for records: a word outside the table may be anything, a password in the wrong place too."""
        return self.spec.name or ("unknown" if self.verb else "")

    def __repr__(self) -> str:
        return f"Command({self.verb!r}, {len(self.line)} octets)"


def chunk_size(command: Command) -> tuple[int, bool] | None:
    """Octets that follow a BDAT and whether it is the LAST; None when they cannot be counted for certain."""
    match = _BDAT.match(command.line)
    if match is None:
        return None
    return int(match[1]), match[2] is not None


def blob_size(command: Command) -> int | None:
    """Octets that an XEXCH50 announces; None when they cannot be counted (CVE-2003-0714) or pass 1 GiB."""
    match = _XEXCH50.match(command.argument)
    if match is None or int(match[1]) > XEXCH50_CAP:
        return None
    return int(match[1])


def address(command: Command) -> bytes:
    """The address of a MAIL or RCPT without its brackets and source route; b"" for the null sender."""
    match = _PATH.match(command.line)
    if match is None or match.lastindex is None:
        return b""
    path: bytes = match[match.lastindex]
    if match.lastindex == _BARE and match.end() == len(command.line):
        path = path.removesuffix(b"\n").removesuffix(b"\r")
    if path.startswith(b"@") and b":" in path:
        path = path.split(b":", 1)[1]
    return path


def announced_size(command: Command) -> int | None:
    """Octets that the command announces: BDAT, XEXCH50, or SIZE= of MAIL (RFC 1870)."""
    if command.verb == "BDAT":
        chunk = chunk_size(command)
        return chunk[0] if chunk else None
    if command.verb == "XEXCH50":
        return blob_size(command)
    match = _SIZE.search(command.argument)
    return int(match[1]) if match else None


def link2state_overflows(command: Command, first_seen: bool) -> bool:
    """Whether an X-LINK2STATE is the overflow of CVE-2005-0560: no FIRST, NEXT or LAST, none before it, over 520."""
    match = _CHUNK.match(command.argument)
    if match is None or match[1] is not None or first_seen:
        return False
    declared = int(match[2], 16) if match[2] else 0
    return max(declared, len(match[3])) > LINK2STATE_CHUNK_CAP


def names_first_chunk(command: Command) -> bool:
    """Whether an X-LINK2STATE opens a series of chunks."""
    return command.argument[:5].upper() == b"FIRST"
