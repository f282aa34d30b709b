"""The message of a run: a file of the user's or the sample that ships, as octets that SMTP can carry unchanged."""

from __future__ import annotations

import re
from pathlib import Path

from smtpguard.lab import documents
from smtpguard.lab.errors import LabError

LARGEST = 64 * 1024 * 1024  # octets; ours: the lab holds a message several times in memory

_MESSAGE_ID = re.compile(rb"(?im)^(message-id:[ \t]*<)([^<>\r\n]+>)")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n)")


def sample() -> bytes:
    """The sample message."""
    return documents.octets("messages", "sample.eml")


def read_message(path: Path) -> bytes:
    """The octets of ``path``; raises ``LabError`` for what can't be read or what SMTP can't carry (RFC 5321 2.3.8)."""
    try:
        if path.stat().st_size > LARGEST:
            raise LabError(f"{path}: larger than {LARGEST} octets; the lab takes smaller messages")
        content = path.read_bytes()
    except OSError as error:
        raise LabError(f"{path}: cannot be read: {error.strerror or error}") from None
    check_message(content, str(path))
    if not content.endswith(b"\r\n"):
        # DATA would add it (RFC 5321 4.1.1.4), and what arrives would not be what was sent.
        line = content.count(b"\n") + 1
        raise LabError(f"{path}:{line}: the last line has no CRLF; mail needs one")
    return content


def check_message(content: bytes, place: str) -> None:
    """Raise ``LabError`` when ``content`` is empty or holds a NUL, a bare LF or a bare CR; says on which line."""
    if not content:
        raise LabError(f"{place}: is empty; give a message with header and body")
    nul = content.find(b"\x00")
    if nul >= 0:
        line = content.count(b"\n", 0, nul) + 1
        raise LabError(f"{place}:{line}: holds a NUL octet, which mail text may not have")
    bare = _BARE.search(content)
    if bare is not None:
        line = content.count(b"\n", 0, bare.start()) + 1
        name = "LF without CR" if bare[0] == b"\n" else "CR without LF"
        raise LabError(f"{place}:{line}: ends a line in {name}; mail needs CRLF (unix2dos makes it)")


def copies(content: bytes, count: int) -> tuple[bytes, ...]:
    """``content`` ``count`` times; several copies have a Message-ID each, so that they can be told apart."""
    if count == 1:
        return (content,)
    head, line_end, body = content.partition(b"\r\n\r\n")
    return tuple(_numbered(head, number) + line_end + body for number in range(1, count + 1))


def _numbered(head: bytes, number: int) -> bytes:
    changed, found = _MESSAGE_ID.subn(rb"\g<1>%d.\2" % number, head, count=1)
    return changed if found else head + b"\r\nMessage-ID: <%d@lab.example>" % number
