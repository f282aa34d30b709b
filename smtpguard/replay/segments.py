"""One frame to one TCP segment: link layers, VLAN tags, IPv4 and IPv6.

Pure and total: a frame that is no whole TCP segment gives None, whatever its octets. Checksums are not looked at: a
capture taken on the sending host has them wrong. IP fragments are left out; the stream they belong to shows a gap.
"""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address
from typing import NamedTuple

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10

_IPV4, _IPV6 = 0x0800, 0x86DD
_TAGS = frozenset((0x8100, 0x88A8, 0x9100, 0x9200))  # IEEE 802.1Q, 802.1ad and their forerunners
_TCP = 6
_CHAINED = frozenset((0, 43, 60))  # hop-by-hop, routing, destination options: RFC 8200 4
_AUTHENTICATION, _FRAGMENT = 51, 44

# LINKTYPE_ numbers: where the link header ends, and where in it the EtherType stands.
_ETHERTYPED = {1: (14, 12), 113: (16, 14), 276: (20, 0)}  # Ethernet, Linux cooked v1, Linux cooked v2
_FAMILIED = frozenset((0, 108))  # BSD loopback, OpenBSD loopback: four octets of address family
_BARE = frozenset((12, 14, 101, 228, 229))  # raw IP
LINKS = frozenset(_ETHERTYPED) | _FAMILIED | _BARE


class Segment(NamedTuple):
    """One TCP segment. ``length`` is what it carried, ``payload`` what the capture kept of that."""

    source: tuple[str, int]
    target: tuple[str, int]
    sequence: int
    acknowledged: int
    flags: int
    length: int
    payload: bytes


def segment(link: int, data: bytes) -> Segment | None:
    """The TCP segment in a frame of link type ``link``, or None."""
    try:
        packet = _packet(link, data)
        version = packet[0] >> 4 if packet else 0
        if version == 4:
            return _over_ipv4(packet)
        return _over_ipv6(packet) if version == 6 else None
    except (struct.error, IndexError):
        return None


def _packet(link: int, data: bytes) -> bytes:
    """The frame behind its link header; empty where it holds no IP."""
    if link in _BARE:
        return data
    if link in _FAMILIED:
        return data[4:]
    end, at = _ETHERTYPED.get(link, (0, 0))
    if not end:
        return b""
    (kind,) = struct.unpack_from(">H", data, at)
    while kind in _TAGS:
        (kind,) = struct.unpack_from(">H", data, end + 2)
        end += 4
    return data[end:] if kind in (_IPV4, _IPV6) else b""


def _over_ipv4(packet: bytes) -> Segment | None:
    """A length of 0, here and in IPv6, stands in captures of what the network card had yet to cut: all of it."""
    header = (packet[0] & 0x0F) * 4
    total, _, fragment = struct.unpack_from(">HHH", packet, 2)
    if packet[9] != _TCP or fragment & 0x3FFF or header < 20:  # more fragments, or an offset
        return None
    source, target = (str(IPv4Address(address)) for address in struct.unpack_from(">4s4s", packet, 12))
    return _tcp(packet, header, total or len(packet), source, target)


def _over_ipv6(packet: bytes) -> Segment | None:
    (length,) = struct.unpack_from(">H", packet, 4)
    source, target = (str(IPv6Address(address)) for address in struct.unpack_from(">16s16s", packet, 8))
    following, at = packet[6], 40
    while following in _CHAINED or following == _AUTHENTICATION:
        extent = (packet[at + 1] + 2) * 4 if following == _AUTHENTICATION else (packet[at + 1] + 1) * 8
        following, at = packet[at], at + extent
    if following != _TCP:
        return None
    return _tcp(packet, at, 40 + length if length else len(packet), source, target)


def _tcp(packet: bytes, at: int, end: int, source: str, target: str) -> Segment | None:
    """The segment that starts at ``at`` of a packet that ends at ``end`` (what lies behind is the link's padding)."""
    from_port, to_port, sequence, acknowledged, offset, flags = struct.unpack_from(">HHIIBB", packet, at)
    start = at + (offset >> 4) * 4
    if offset >> 4 < 5 or start > end:
        return None
    payload = packet[start:end]
    return Segment((source, from_port), (target, to_port), sequence, acknowledged, flags, end - start, payload)
