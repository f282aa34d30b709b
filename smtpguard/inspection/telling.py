"""How much of what a peer said a record may hold: a line of the journal stays within the 48 KiB that systemd-journald
keeps of one (LineMax=), whatever the octets become in JSON."""

from __future__ import annotations

import re

from smtpguard.policy.rulebook import COUNTED_OCTETS

WORD_OCTETS = 80
"""Octets of a word that is told: no keyword or figure is longer."""
RECIPIENTS_TOLD = 32_768
"""Octets of JSON for all recipients of a message: room for a hundred of the 254 octets that a path may have (RFC 5321
4.5.3.1.3)."""

_SHORT_ESCAPE = re.compile('["\\\\\b\t\n\f\r]')
_LONG_ESCAPE = re.compile("[\0-\x07\x0b\x0e-\x1f]")


def json_octets(text: str) -> int:
    """Octets of ``text`` inside a JSON string (RFC 8259 7)."""
    octets = len(text.encode("utf-8", "replace"))
    return octets + len(_SHORT_ESCAPE.findall(text)) + 5 * len(_LONG_ESCAPE.findall(text))


def told_address(octets: bytes) -> str:
    """An address, as far as a lawful one may be long."""
    return octets[:COUNTED_OCTETS].decode("utf-8", "replace")


def told_addresses(addresses: list[bytes]) -> list[str]:
    """The first addresses, as many as there is room for."""
    told: list[str] = []
    left = RECIPIENTS_TOLD
    for address in map(told_address, addresses):
        left -= json_octets(address) + len('"",')
        if left < 0:
            break
        told.append(address)
    return told
