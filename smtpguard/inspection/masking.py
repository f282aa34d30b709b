"""Masks of the same length, as firewalls write them over what they don't want seen (facts of Cisco PIX and ASA, and
of a transparent proxy with stars)."""

from __future__ import annotations

from typing import Literal

_KEPT_IN_BANNER = frozenset(b"20 \r\n")


def banner_mask(line: bytes) -> bytes:
    """A greeting line behind Cisco PIX Mailguard: stars for all but ``2``, ``0`` and blanks. The code and what parts it
    from the text stay, so that a 554 or a greeting of several lines is still a reply."""
    return line[:4] + bytes(octet if octet in _KEPT_IN_BANNER else ord("*") for octet in line[4:])


def masked_keyword(line: bytes, style: Literal["letters", "star", "banner"], index: int) -> bytes:
    """An EHLO line with its text overwritten; ``index`` counts the lines masked before it in this reply."""
    end = len(line.rstrip(b"\r\n"))
    text = line[4:end]
    if style == "letters":
        # A, B, C… in order; what follows Z has no source, so it starts over.
        text = b"X" * (len(text) - 1) + bytes((ord("A") + index % 26,)) if text else text
    elif style == "star":
        text = text[:3] + b"*" + text[4:] if len(text) > 3 else text
    else:
        text = banner_mask(line[:4] + text)[4:]
    return line[:4] + text + line[end:]
