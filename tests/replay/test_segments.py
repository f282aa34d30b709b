"""Link layers, tags, both IPs: to one segment, or to None for whatever else."""

from __future__ import annotations

import random
import struct

import dpkt
import pytest

from smtpguard.replay.segments import ACK, LINKS, Segment, segment
from tests.replay.wire import HERE, HERE6, THERE, THERE6, Wire

PACKET = Wire().packet("c", 0, 4, b"NOOP\r\n", acked=9)
PACKET6 = Wire(v6=True).packet("c", 0, 4, b"NOOP\r\n", acked=9)
V4 = Segment((HERE, 40000), (THERE, 25), 1005, 1010, ACK, 6, b"NOOP\r\n")
V6 = V4._replace(source=(HERE6, 40000), target=(THERE6, 25))
MACS = b"\x02" * 12


def ether(*types: int) -> bytes:
    """An Ethernet header with tags before the last type."""
    tagged = b"".join(struct.pack(">HH", kind, 7) for kind in types[:-1])
    return MACS + tagged + struct.pack(">H", types[-1])


@pytest.mark.parametrize(
    ("link", "header", "header6"),
    [
        (1, ether(0x0800), ether(0x86DD)),
        (1, ether(0x8100, 0x0800), ether(0x8100, 0x86DD)),
        (1, ether(0x88A8, 0x8100, 0x0800), ether(0x88A8, 0x8100, 0x86DD)),
        (113, bytes(dpkt.sll.SLL(ethtype=0x0800)), bytes(dpkt.sll.SLL(ethtype=0x86DD))),
        (276, bytes(dpkt.sll2.SLL2(ethtype=0x0800)), bytes(dpkt.sll2.SLL2(ethtype=0x86DD))),
        (0, struct.pack("<I", 2), struct.pack("<I", 30)),
        (0, struct.pack(">I", 2), struct.pack(">I", 24)),
        (108, struct.pack(">I", 2), struct.pack(">I", 28)),
        (12, b"", b""),
        (14, b"", b""),
        (101, b"", b""),
        (228, b"", b""),
        (229, b"", b""),
    ],
)
def test_every_link_type(link: int, header: bytes, header6: bytes) -> None:
    assert link in LINKS
    assert segment(link, header + PACKET) == V4
    assert segment(link, header6 + PACKET6) == V6


def test_padding_of_the_link_is_no_payload() -> None:
    assert segment(1, ether(0x0800) + PACKET + b"\0" * 20) == V4
    assert segment(1, ether(0x86DD) + PACKET6 + b"\0" * 20) == V6


def test_a_payload_that_the_capture_cut_keeps_its_length() -> None:
    assert segment(101, PACKET[:-4]) == V4._replace(payload=b"NO")
    assert segment(101, PACKET6[:-4]) == V6._replace(payload=b"NO")


def test_a_length_of_zero_is_left_to_the_card() -> None:
    assert segment(101, PACKET[:2] + b"\0\0" + PACKET[4:]) == V4
    assert segment(101, PACKET6[:4] + b"\0\0" + PACKET6[6:]) == V6


def test_options_of_ipv4_and_tcp_are_skipped() -> None:
    tcp = PACKET[20:32] + b"\x80" + PACKET[33:40] + b"\x01" * 12 + b"NOOP\r\n"
    packet = b"\x46" + PACKET[1:2] + struct.pack(">H", 24 + len(tcp)) + PACKET[4:20] + b"\x01" * 4 + tcp
    assert segment(101, packet) == V4


def test_extension_headers_of_ipv6_are_skipped() -> None:
    hop_by_hop, authentication, destination = b"\x33\0" + b"\0" * 6, b"\x3c\x01" + b"\0" * 10, b"\x06\0" + b"\0" * 6
    extensions = hop_by_hop + authentication + destination
    length = struct.pack(">H", len(PACKET6) - 40 + len(extensions))
    assert segment(101, PACKET6[:4] + length + b"\0" + PACKET6[7:40] + extensions + PACKET6[40:]) == V6


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ether(0x0806) + PACKET),  # ARP
        (1, struct.pack(">H", 100).join((MACS, PACKET))),  # IEEE 802.3 with a length
        (147, PACKET),  # a link type of somebody's own
        (101, b""),
        (101, b"\x15" + PACKET[1:]),  # version 1
        (101, b"\x44" + PACKET[1:]),  # a header of 16 octets
        (101, PACKET[:9] + b"\x11" + PACKET[10:]),  # UDP
        (101, PACKET[:6] + b"\x20\0" + PACKET[8:]),  # more fragments
        (101, PACKET[:6] + b"\0\x10" + PACKET[8:]),  # the rest of a fragment
        (101, PACKET6[:6] + b"\x2c" + PACKET6[7:]),  # a fragment
        (101, PACKET6[:6] + b"\x11" + PACKET6[7:]),  # UDP
        (101, PACKET[:32] + b"\x40" + PACKET[33:]),  # a TCP header of 16 octets
        (101, PACKET[:32] + b"\xf0" + PACKET[33:]),  # one of 60, longer than the packet
    ],
)
def test_what_is_no_tcp_segment_is_none(link: int, frame: bytes) -> None:
    assert segment(link, frame) is None


def test_a_frame_cut_inside_its_headers_is_none() -> None:
    assert all(segment(1, (ether(0x8100, 0x0800) + PACKET)[:end]) is None for end in range(18 + 20 + 14))
    assert all(segment(1, (ether(0x86DD) + PACKET6)[:end]) is None for end in range(14 + 40 + 14))


def test_garbage_never_raises() -> None:
    rng = random.Random(818222)
    for _ in range(5000):
        frame = bytearray(rng.choice((ether(0x0800) + PACKET, ether(0x86DD) + PACKET6)))
        for _ in range(rng.randrange(1, 6)):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        found = segment(rng.choice(sorted(LINKS)), bytes(frame))
        assert found is None or len(found.payload) <= found.length
