"""One connection as Ethernet frames: handshake, segments with their acknowledgements, FINs; every checksum right.

The frames are made up around octets that are not: the lab's hosts really spoke over loopback, where neither segments
nor addresses would tell a reader who is who. Each host therefore has an address of RFC 5737, and port 25 is the server.
A frame comes one microsecond after the one before it where the simulated clock stood still.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import NamedTuple

from smtpguard.lab.capture.legs import Connection
from smtpguard.lab.events import Host

SMTP_PORT = 25
MSS = 1460  # octets: Ethernet's 1,500 less two headers of 20
ACKNOWLEDGE_EVERY = 16  # segments; ours, well below the window

_ADDRESSES: dict[Host, str] = {"sender": "192.0.2.1", "firewall": "198.51.100.1", "receiver": "203.0.113.1"}
_FIRST_PORT, _PORTS = 49152, 16384  # RFC 6335 6: the dynamic ports
_WINDOW = 65535
_FIN, _SYN, _PSH, _ACK = 0x01, 0x02, 0x08, 0x10
_MSS_OPTION = struct.pack(">BBH", 2, 4, MSS)
_IPV4, _DONT_FRAGMENT, _TTL, _TCP = 0x0800, 0x4000, 64, 6


class Frame(NamedTuple):
    """``time``: microseconds since the run began."""

    time: int
    data: bytes


class _Endpoint:
    """One end: where it is and how far its stream is. Sequence numbers wrap (RFC 9293 3.4)."""

    def __init__(self, host: Host, port: int, initial: int) -> None:
        self.address = IPv4Address(_ADDRESSES[host]).packed
        self.mac = b"\x02\x00" + self.address  # the second bit of the first octet: locally administered
        self.port = port
        self.next = initial & 0xFFFFFFFF
        self.ended = False


class _Wire:
    """Builds frames between two endpoints on a clock that never stands still."""

    def __init__(self, connection: Connection, client: Host, server: Host) -> None:
        number = connection.number
        self.client = _Endpoint(client, _FIRST_PORT + (number - 1) % _PORTS, number * 64_000)
        self.server = _Endpoint(server, SMTP_PORT, number * 64_000 + 32_000)
        self._time = -1
        self._idents = 0

    def frame(self, seconds: float, source: _Endpoint, flags: int, payload: bytes = b"", options: bytes = b"") -> Frame:
        target = self.server if source is self.client else self.client
        acknowledged = target.next if flags & _ACK else 0
        segment = _segment(source, target, acknowledged, flags, options, payload)
        self._idents = (self._idents + 1) & 0xFFFF
        packet = _packet(source, target, self._idents, segment)
        self._time = max(self._time + 1, round(seconds * 1_000_000))
        source.next = (source.next + len(payload) + (1 if flags & (_SYN | _FIN) else 0)) & 0xFFFFFFFF
        return Frame(self._time, target.mac + source.mac + struct.pack(">H", _IPV4) + packet)

    def handshake(self, seconds: float) -> Iterator[Frame]:
        yield self.frame(seconds, self.client, _SYN, options=_MSS_OPTION)
        yield self.frame(seconds, self.server, _SYN | _ACK, options=_MSS_OPTION)
        yield self.frame(seconds, self.client, _ACK)

    def speak(self, seconds: float, source: _Endpoint, data: bytes) -> Iterator[Frame]:
        target = self.server if source is self.client else self.client
        starts = range(0, len(data), MSS)
        for count, start in enumerate(starts, 1):
            last = count == len(starts)
            yield self.frame(seconds, source, _ACK | (_PSH if last else 0), data[start : start + MSS])
            if last or count % ACKNOWLEDGE_EVERY == 0:
                yield self.frame(seconds, target, _ACK)

    def end(self, seconds: float, first: _Endpoint) -> Iterator[Frame]:
        """FIN of ``first`` and its acknowledgement."""
        target = self.server if first is self.client else self.client
        first.ended = True
        yield self.frame(seconds, first, _FIN | _ACK)
        yield self.frame(seconds, target, _ACK)


def frames(connection: Connection, client: Host, server: Host) -> Iterator[Frame]:
    """The frames of ``connection`` between ``client`` and ``server``, in order.

    A side's FIN comes behind its last octet. A connection that the run left open has none.
    """
    wire = _Wire(connection, client, server)
    closing = connection.closing
    yield from wire.handshake(connection.opened)
    closer = None if closing is None else (wire.client if closing.from_client else wire.server)
    silent_from = 0
    if closing is not None:
        own = [place for place, piece in enumerate(connection.pieces, 1) if piece.from_client is closing.from_client]
        silent_from = max(closing.before, own[-1] if own else 0)
    time = connection.opened
    for place, piece in enumerate(connection.pieces):
        if closing is not None and closer is not None and place == silent_from:
            yield from wire.end(closing.time, closer)
        time = piece.time
        yield from wire.speak(time, wire.client if piece.from_client else wire.server, piece.data)
    if closing is None or closer is None:
        return
    time = max(time, closing.time)
    for endpoint in (closer, wire.server if closer is wire.client else wire.client):
        if not endpoint.ended:
            yield from wire.end(time, endpoint)


def _segment(
    source: _Endpoint, target: _Endpoint, acknowledged: int, flags: int, options: bytes, payload: bytes
) -> bytes:
    offset = (20 + len(options)) // 4 << 4
    ports = struct.pack(">HHIIBBH", source.port, target.port, source.next, acknowledged, offset, flags, _WINDOW)
    pseudo = source.address + target.address + struct.pack(">HH", _TCP, 20 + len(options) + len(payload))
    rest = options + payload
    checksum = _checksum(pseudo + ports + b"\x00\x00\x00\x00" + rest)
    return ports + struct.pack(">HH", checksum, 0) + rest


def _packet(source: _Endpoint, target: _Endpoint, ident: int, segment: bytes) -> bytes:
    length = 20 + len(segment)
    start = struct.pack(">BBHHHBB", 0x45, 0, length, ident, _DONT_FRAGMENT, _TTL, _TCP)
    addresses = source.address + target.address
    return start + struct.pack(">H", _checksum(start + b"\x00\x00" + addresses)) + addresses + segment


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071): the ones' complement of the sum of 16-bit words.

    The whole taken as one number leaves the same remainder, since 2**16 leaves 1 when divided by 0xFFFF.
    """
    if len(data) % 2:
        data += b"\x00"
    number = int.from_bytes(data, "big")
    rest = number % 0xFFFF
    folded = 0xFFFF if rest == 0 and number else rest
    return ~folded & 0xFFFF
