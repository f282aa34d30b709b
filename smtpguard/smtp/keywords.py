"""EHLO keywords: the lines of the reply to EHLO after the first, and how a list with lines taken out is put together.

RFC 5321 4.1.1.1: the last line has a blank behind the code, the others a hyphen; whoever removes the last line must
mend the one before it.
"""

from __future__ import annotations


def keyword_text(line: bytes) -> bytes:
    """What stands behind the code on an EHLO line, without its line end."""
    return line[4:].rstrip(b"\r\n")


def keyword_name(line: bytes) -> str:
    """The keyword of an EHLO line, upper case: its first word, ``AUTH=LOGIN`` as it is."""
    words = keyword_text(line).split(None, 1)
    return words[0].decode("latin-1").upper() if words else ""


def join_lines(lines: list[bytes]) -> bytes:
    """One reply from its lines: a hyphen behind every code but the last, whatever stood there before."""
    parts = [line[:3] + b"-" + line[4:] if line[3:4] in (b" ", b"-") else line[:3] + b"-" + line[3:]
             for line in lines[:-1]]  # fmt: skip
    last = lines[-1]
    parts.append(last[:3] + b" " + last[4:] if last[3:4] == b"-" else last)
    return b"".join(parts)
