"""The PROXY protocol's header, read and written: who the client of a client is. Versions 1 and 2 as HAProxy's
``doc/proxy-protocol.txt`` has them.

Pure and total: any octets give a header, a wish for more, or ``HeaderError``. Strict, because it decides which rules
apply: one blank between words, decimal ports, addresses as their family writes them. Bounded: ``LONGEST_V1``,
``LONGEST_V2``. Extensions (TLV) are skipped, their checksum among them: TCP has one of its own.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

Address = tuple[str, int]

LONGEST_V1 = 107
"""With CRLF; section 2.1 counts it out."""
LONGEST_V2 = 4096
"""The protocol allows 65,551. What HAProxy sends with every extension switched on is a few hundred."""

V1 = b"PROXY "
V2 = b"\r\n\r\n\x00\r\nQUIT\n"

_LINE = re.compile(
    rb"PROXY (?:UNKNOWN(?: [^\r\n]*)?|(TCP4|TCP6) ([0-9A-Fa-f:.]+) ([0-9A-Fa-f:.]+) ([0-9]{1,5}) ([0-9]{1,5}))\r\n"
)
_PREFIX = struct.Struct("!12sBBH")
_ADDRESSES = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}
_NAMELESS = (0x00, 0x31)  # unspecified, a UNIX socket: a connection, but nobody's address


class HeaderError(Exception):
    """These octets are no header; the text says why."""


@dataclass(frozen=True, slots=True)
class Header:
    """Who connected, and to which address; None where the sender speaks for itself (LOCAL) or does not know."""

    source: Address | None = None
    target: Address | None = None


def read_header(data: bytes) -> tuple[Header, int] | None:
    """The header at the beginning of ``data`` and how many octets it takes; None where more is needed."""
    if data[:12] == V2[: len(data)] and data[:1] != V1[:1]:
        return _read_v2(data)
    if data[:6] == V1[: len(data)]:
        return _read_v1(data)
    raise HeaderError("no PROXY protocol header")


def _read_v1(data: bytes) -> tuple[Header, int] | None:
    end = data.find(b"\n", 0, LONGEST_V1) + 1
    if not end:
        if len(data) >= LONGEST_V1:
            raise HeaderError(f"a PROXY line of more than {LONGEST_V1} octets")
        return None
    match = _LINE.fullmatch(data, 0, end)
    if match is None:
        raise HeaderError("a malformed PROXY line")
    if match[1] is None:
        return Header(), end
    family = IPv4Address if match[1] == b"TCP4" else IPv6Address
    try:
        source, target = family(match[2].decode()), family(match[3].decode())
    except ValueError:
        raise HeaderError("a PROXY line with an address that is none") from None
    ports = int(match[4]), int(match[5])
    if max(ports) > 65535:
        raise HeaderError("a PROXY line with a port that is none")
    return Header((_text(source), ports[0]), (_text(target), ports[1])), end


def _read_v2(data: bytes) -> tuple[Header, int] | None:
    if len(data) < _PREFIX.size:
        return None
    _, version, family, length = _PREFIX.unpack_from(data)
    end = _PREFIX.size + length
    if version not in (0x20, 0x21):
        raise HeaderError(f"a PROXY header of version and command {version:#04x}")
    if end > LONGEST_V2:
        raise HeaderError(f"a PROXY header of {end} octets; at most {LONGEST_V2} are read")
    if len(data) < end:
        return None
    if version == 0x20 or family in _NAMELESS:
        return Header(), end
    form = _ADDRESSES.get(family)
    if form is None:
        raise HeaderError(f"a PROXY header for family and transport {family:#04x}; expected TCP")
    if length < form.size:
        raise HeaderError("a PROXY header that is too short for its addresses")
    source, target, source_port, target_port = form.unpack_from(data, _PREFIX.size)
    return Header((_text(ip_address(source)), source_port), (_text(ip_address(target)), target_port)), end


def _text(address: IPv4Address | IPv6Address) -> str:
    """As rules compare it: an IPv4 address in IPv6's clothes is an IPv4 address."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def may_begin_header(data: bytes) -> bool | None:
    """Whether somebody's first octets are a header; None while they may still become one."""
    if data.startswith((V1, V2)):
        return True
    # A client that begins with an empty line is not kept waiting for its answer.
    return None if V1.startswith(data) or (len(data) > 4 and V2.startswith(data)) else False


# --- written -------------------------------------------------------------------------------------------------------


def write_header(version: str, source: Address | None, target: Address | None) -> bytes:
    """The header of version "v1" or "v2" that names the two; one that names nobody where either is unknown."""
    if source is None or target is None:
        return V1 + b"UNKNOWN\r\n" if version == "v1" else _PREFIX.pack(V2, 0x20, 0, 0)
    ends = ip_address(source[0]), ip_address(target[0])
    if ends[0].version != ends[1].version:
        ends = _as_ipv6(ends[0]), _as_ipv6(ends[1])
    six = ends[0].version == 6
    if version == "v1":
        family = "TCP6" if six else "TCP4"
        return f"PROXY {family} {ends[0]} {ends[1]} {source[1]} {target[1]}\r\n".encode("ascii")
    family_octet = 0x21 if six else 0x11
    form = _ADDRESSES[family_octet]
    return _PREFIX.pack(V2, 0x21, family_octet, form.size) + form.pack(
        ends[0].packed, ends[1].packed, source[1], target[1]
    )


def _as_ipv6(address: IPv4Address | IPv6Address) -> IPv6Address:
    return address if isinstance(address, IPv6Address) else IPv6Address(f"::ffff:{address}")
