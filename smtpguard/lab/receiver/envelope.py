"""MAIL and RCPT as a receiver reads them: the path, and the ESMTP parameters behind it. Pure; None for what is wrong.

The guard has a parser of its own: two that were one would agree on a mistake, and the lab would not see it.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field

_PATH = rb" *(?:<((?:\"(?:[^\"\\]|\\.)*\"|[^<>\"])*)>|([^<>\s]+))(?: +(.*))?"
_ARGUMENT = {
    "MAIL": re.compile(rb"FROM:" + _PATH, re.IGNORECASE | re.DOTALL),
    "RCPT": re.compile(rb"TO:" + _PATH, re.IGNORECASE | re.DOTALL),
}
_VALUES = {
    "SIZE": re.compile(r"[0-9]{1,20}"),
    "BODY": re.compile(r"7BIT|8BITMIME|BINARYMIME", re.IGNORECASE),
    "RET": re.compile(r"FULL|HDRS", re.IGNORECASE),
    "NOTIFY": re.compile(r"NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*", re.IGNORECASE),
}
_XTEXT = re.compile(r"[!-<>-~]+")


@dataclass(frozen=True, slots=True)
class Path:
    """``address`` is empty for the null sender; ``parameters`` by upper-case name, values as they came."""

    address: str
    parameters: dict[str, str] = field(default_factory=dict)


def read_path(verb: str, argument: bytes, allowed: Set[str]) -> Path | None:
    """The path behind ``verb`` (MAIL, RCPT); None when it, or a parameter behind it, is none of ``allowed``."""
    match = _ARGUMENT[verb].fullmatch(argument)
    if match is None:
        return None
    address = (match[1] if match[1] is not None else match[2]).decode("latin-1")
    if address.startswith("@") and ":" in address:  # a source route is ignored (RFC 5321 4.1.2, appendix C)
        address = address.partition(":")[2]
    parameters: dict[str, str] = {}
    for word in (match[3] or b"").decode("latin-1").split():
        name, _, value = word.partition("=")
        name = name.upper()
        if name not in allowed or name in parameters or not _VALUES.get(name, _XTEXT).fullmatch(value):
            return None
        parameters[name] = value
    return Path(address, parameters)
