"""The texts that the load sends: dot-stuffed already, without the final dot line. The same octets in every run."""

from __future__ import annotations

import base64
from random import Random

_SEED = 818222
_BLOCK_LINES = 2500  # a block of this many lines is repeated: to make 20 MB at random would take longer than to send it
_DOT_LINE_EVERY = 200  # "some lines": an ellipsis or a quoted dot-file at the start of a line

_PROSE = (
    "the message and a reply from our server was sent again because firewall between two hosts did not know verb "
    "which delivery queue waits for administrator of each domain that mail passes through with its octets"
)


def base64_text(octets: int) -> bytes:
    """Lines of 76 characters as an attachment has them: not one dot."""
    raw = Random(_SEED).randbytes(57 * _BLOCK_LINES)
    lines = [base64.b64encode(raw[at : at + 57]) for at in range(0, len(raw), 57)]
    return _fill(b"Subject: an attachment\r\n\r\n", b"\r\n".join(lines) + b"\r\n", octets)


def dotted_text(octets: int) -> bytes:
    """English-like sentences: a dot every hundred octets or so, often at the end of a line, and one line in
    ``_DOT_LINE_EVERY`` that begins with a dot, stuffed as RFC 5321 4.5.2 asks."""
    rng = Random(_SEED)
    vocabulary = _PROSE.split()
    lines = []
    for number in range(_BLOCK_LINES):
        words = rng.choices(vocabulary, k=13)
        if rng.random() < 0.9:
            words[rng.randrange(13)] += "."
        line = " ".join(words)
        lines.append(("..profile " + line if number % _DOT_LINE_EVERY == 7 else line).encode())
    return _fill(b"Subject: a long letter\r\n\r\n", b"\r\n".join(lines) + b"\r\n", octets)


TEXTS = {"base64": base64_text, "dots": dotted_text}


def _fill(header: bytes, block: bytes, octets: int) -> bytes:
    """``header`` and so many whole lines of ``block`` as come closest below ``octets``."""
    text = header + block * (octets // len(block) + 1)
    return text[: text.rindex(b"\n", 0, octets) + 1]
