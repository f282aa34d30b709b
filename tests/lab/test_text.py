"""Dots doubled and taken off again."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.lab.text import read_text, stuffed


def read(octets: bytes, limit: int = 65_536, most: int | None = None) -> tuple[bytes, bytes]:
    """The text in ``octets``, and what is left behind it."""

    async def main() -> tuple[bytes, bytes]:
        reader = asyncio.StreamReader(limit=limit)
        reader.feed_data(octets)
        reader.feed_eof()
        return await read_text(reader, most), await reader.read()

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (b"", b".\r\n"),
        (b"a\r\n", b"a\r\n.\r\n"),
        (b".a\r\n", b"..a\r\n.\r\n"),
        (b"a\r\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n.\r\n"),
        (b"no end", b"no end\r\n.\r\n"),
    ],
)
def test_stuffing(content: bytes, wire: bytes) -> None:
    assert stuffed(content) == wire


def test_what_follows_the_end_is_left_alone() -> None:
    assert read(b"a\r\n.\r\nQUIT\r\n") == (b"a\r\n", b"QUIT\r\n")


@pytest.mark.parametrize("false_end", [b"\n.\n", b"\n.\r\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\n\x00.\r\n"])
def test_only_crlf_dot_crlf_ends_it(false_end: bytes) -> None:
    content, rest = read(b"a" + false_end + b"b\r\n.\r\nrest")
    assert b"b\r\n" in content
    assert rest == b"rest"


def test_what_is_more_than_wanted_is_read_and_forgotten() -> None:
    assert read(b"..a\r\n" * 1000 + b".\r\nQUIT\r\n", most=8) == (b".a\r\n" * 3, b"QUIT\r\n")
    assert read(b"a" * 8 + b"\r\n.\r\n", most=10) == (b"a" * 8 + b"\r\n", b"")


def test_a_connection_that_ends_inside() -> None:
    with pytest.raises(asyncio.IncompleteReadError):
        read(b"a\r\nb")


lines = st.lists(st.binary(max_size=40).filter(lambda line: b"\r" not in line and b"\n" not in line), max_size=12)


@given(lines, st.sampled_from([8, 16, 65_536]))
def test_what_is_stuffed_comes_back(parts: list[bytes], limit: int) -> None:
    content = b"".join(part + b"\r\n" for part in parts)
    assert read(stuffed(content) + b"NOOP\r\n", limit) == (content, b"NOOP\r\n")
