"""The PROXY protocol's header: what the specification allows is read, in any slicing; nothing else is believed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.relay.proxy_header import (
    LONGEST_V1,
    LONGEST_V2,
    V2,
    Header,
    HeaderError,
    may_begin_header,
    read_header,
    write_header,
)

PROXIED = Header(("198.51.100.7", 40210), ("192.0.2.25", 25))
PROXIED_6 = Header(("2001:db8::7", 40210), ("2001:db8::25", 25))
V1_LINE = b"PROXY TCP4 198.51.100.7 192.0.2.25 40210 25\r\n"


def v2(command: int, family: int, addresses: bytes, tlv: bytes = b"") -> bytes:
    """A header of version 2."""
    return struct.pack("!12sBBH", V2, command, family, len(addresses) + len(tlv)) + addresses + tlv


FOUR = bytes([198, 51, 100, 7, 192, 0, 2, 25]) + struct.pack("!HH", 40210, 25)
SIX = bytes.fromhex("20010db8" + "00" * 11 + "07" + "20010db8" + "00" * 11 + "25") + struct.pack("!HH", 40210, 25)


@pytest.mark.parametrize(
    ("octets", "header"),
    [
        (V1_LINE, PROXIED),
        (b"PROXY TCP6 2001:db8::7 2001:DB8::25 40210 25\r\n", PROXIED_6),
        (b"PROXY TCP6 ::ffff:198.51.100.7 ::ffff:192.0.2.25 40210 25\r\n", PROXIED),
        (b"PROXY UNKNOWN\r\n", Header()),
        (b"PROXY UNKNOWN ffff::1 ffff::1 65535 65535\r\n", Header()),
        (v2(0x21, 0x11, FOUR), PROXIED),
        (v2(0x21, 0x21, SIX), PROXIED_6),
        (v2(0x21, 0x11, FOUR, b"\x04\x00\x03abc"), PROXIED),
        (v2(0x20, 0x00, b""), Header()),
        (v2(0x20, 0x11, FOUR), Header()),
        (v2(0x21, 0x00, b""), Header()),
        (v2(0x21, 0x31, bytes(216)), Header()),
    ],
)
def test_headers_are_read_in_any_slicing(octets: bytes, header: Header) -> None:
    for end in range(1, len(octets)):
        assert read_header(octets[:end]) is None
    for behind in (b"", b"EHLO a.example\r\n", b"\x16\x03\x01"):
        assert read_header(octets + behind) == (header, len(octets))


@pytest.mark.parametrize(
    "octets",
    [
        b"EHLO a.example\r\n",
        b"\x16\x03\x01\x00\x2e",
        b"proxy TCP4 198.51.100.7 192.0.2.25 40210 25\r\n",
        b"PROXY TCP4 198.51.100.7 192.0.2.25 40210 25\n",
        b"PROXY TCP4  198.51.100.7 192.0.2.25 40210 25\r\n",
        b"PROXY TCP4 198.51.100.7 192.0.2.25 40210 25 \r\n",
        b"PROXY TCP4 198.51.100.7 192.0.2.25 40210\r\n",
        b"PROXY TCP4 198.51.100.7 192.0.2.25 +4021 25\r\n",
        b"PROXY TCP4 198.51.100.7 192.0.2.25 65536 25\r\n",
        b"PROXY TCP4 198.51.100.777 192.0.2.25 40210 25\r\n",
        b"PROXY TCP4 2001:db8::7 2001:db8::25 40210 25\r\n",
        b"PROXY TCP6 198.51.100.7 192.0.2.25 40210 25\r\n",
        b"PROXY UDP4 198.51.100.7 192.0.2.25 40210 25\r\n",
        b"PROXY \r\n",
        b"PROXY " + b"x" * LONGEST_V1,
        b"PROXY UNKNOWN " + b"x" * LONGEST_V1 + b"\r\n",
        v2(0x31, 0x11, FOUR),
        v2(0x22, 0x11, FOUR),
        v2(0x21, 0x12, FOUR),
        v2(0x21, 0x11, FOUR[:-1]),
        v2(0x21, 0x21, FOUR),
        struct.pack("!12sBBH", V2, 0x21, 0x11, LONGEST_V2),
        V2[:11] + b"X" + b"x" * 8,
    ],
)  # fmt: skip
def test_nothing_else_is_one(octets: bytes) -> None:
    with pytest.raises(HeaderError):
        read_header(octets)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda tail: b"PROXY " + tail)
       | st.binary(max_size=300).map(lambda tail: V2 + tail))  # fmt: skip
def test_any_octets_give_an_answer(octets: bytes) -> None:
    try:
        found = read_header(octets)
    except HeaderError:
        return
    assert found is None or 0 < found[1] <= len(octets)


ADDRESSES = st.ip_addresses(v=4) | st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None)
ENDS = st.tuples(ADDRESSES.map(str), st.integers(0, 65535))


@given(st.sampled_from(["v1", "v2"]), ENDS, ENDS)
def test_what_is_written_is_read(version: str, source: tuple[str, int], target: tuple[str, int]) -> None:
    octets = write_header(version, source, target)
    assert read_header(octets + b"220 ") == (Header(source, target), len(octets))
    assert version == "v2" or len(octets) <= LONGEST_V1


def test_who_is_not_known_is_not_named() -> None:
    assert write_header("v1", None, ("192.0.2.25", 25)) == b"PROXY UNKNOWN\r\n"
    assert write_header("v2", None, None) == v2(0x20, 0x00, b"")
    assert write_header("v1", *(("198.51.100.7", 40210), ("192.0.2.25", 25))) == V1_LINE
    assert write_header("v2", ("198.51.100.7", 40210), ("192.0.2.25", 25)) == v2(0x21, 0x11, FOUR)


@pytest.mark.parametrize(
    ("octets", "verdict"),
    [
        (V1_LINE, True), (v2(0x20, 0, b""), True), (b"P", None), (b"PROXY", None), (V2[:7], None), (V2[:11], None),
        (b"E", False), (b"\r\n", False), (b"PX", False), (b"\r\n\r\n\0x", False), (b"\x16", False),
    ],
)  # fmt: skip
def test_a_first_word_may_be_a_header(octets: bytes, verdict: bool | None) -> None:
    assert may_begin_header(octets) is verdict
