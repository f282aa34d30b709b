"""Messages to send: made from a seed, the same in every run, with all that SMTP's framing could trip over."""

from __future__ import annotations

import random

_TRAPS = (
    b".",
    b"..",
    b".leading dot",
    b"...",
    b"",
    b"QUIT",
    b"MAIL FROM:<x@y>",
    b"XEXCH50 1020 2",
    b"BDAT 12 LAST",
    b"250 2.0.0 Ok",
    b"354 go ahead",
    b"trailing blank ",
    b"\ttab",
)
_LETTERS = bytes(range(0x20, 0x7F))


def message(octets: int, seed: int = 0, *, eight_bit: bool = False) -> bytes:
    """A message of about ``octets`` octets in lines of at most 200, ended by CRLF, full of dots and of commands.

    Postfix keeps every octet of it: no bare CR or LF, no NUL, no Return-Path header.
    """
    rng = random.Random(seed)
    alphabet = _LETTERS + bytes(range(0x80, 0x100)) if eight_bit else _LETTERS
    lines = [b"Subject: message %d" % seed, b"From: <sender@client.example>", b"", *_TRAPS]
    size = sum(map(len, lines)) + 2 * len(lines)
    pool = [bytes(rng.choices(alphabet, k=rng.randrange(1, 200))) for _ in range(50)]
    while size < octets:
        line = rng.choice(pool) if rng.random() < 0.9 else rng.choice(_TRAPS)
        lines.append(line)
        size += len(line) + 2
    return b"\r\n".join(lines) + b"\r\n"


def stuffed(content: bytes) -> bytes:
    """``content`` as it follows a 354: dots doubled, and the lone dot behind it (RFC 5321 4.5.2)."""
    doubled = content.replace(b"\r\n.", b"\r\n..")
    return (b"." if doubled.startswith(b".") else b"") + doubled + b".\r\n"
