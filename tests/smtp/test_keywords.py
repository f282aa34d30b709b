"""EHLO lines, and lists of them with lines taken out."""

from __future__ import annotations

import pytest

from smtpguard.smtp.keywords import join_lines, keyword_name, keyword_text


@pytest.mark.parametrize(
    ("line", "name", "text"),
    [
        (b"250-XEXCH50\r\n", "XEXCH50", b"XEXCH50"),
        (b"250 xexch50\r\n", "XEXCH50", b"xexch50"),
        (b"250-X-EXPS GSSAPI NTLM LOGIN\r\n", "X-EXPS", b"X-EXPS GSSAPI NTLM LOGIN"),
        (b"250-AUTH=LOGIN\r\n", "AUTH=LOGIN", b"AUTH=LOGIN"),
        (b"250-8bitmime\n", "8BITMIME", b"8bitmime"),
        (b"240-X-EXPS=LOGIN *\r\n", "X-EXPS=LOGIN", b"X-EXPS=LOGIN *"),
        (b"250 \r\n", "", b""),
        (b"250\r\n", "", b""),
        (b"250-\xff\xfe\r\n", "\xff\xfe".upper(), b"\xff\xfe"),
    ],
)
def test_name_and_text_of_a_line(line: bytes, name: str, text: bytes) -> None:
    assert keyword_name(line) == name
    assert keyword_text(line) == text


@pytest.mark.parametrize(
    ("lines", "reply"),
    [
        ([b"250-mx\r\n", b"250-SIZE\r\n"], b"250-mx\r\n250 SIZE\r\n"),
        ([b"250-mx\r\n"], b"250 mx\r\n"),
        ([b"250-mx\r\n", b"250 OK\r\n"], b"250-mx\r\n250 OK\r\n"),
        ([b"250 OK\r\n", b"250-mx\r\n"], b"250-OK\r\n250 mx\r\n"),
        ([b"250\r\n", b"250 OK\r\n"], b"250-\r\n250 OK\r\n"),
    ],
)
def test_only_the_last_line_has_a_blank_behind_the_code(lines: list[bytes], reply: bytes) -> None:
    assert join_lines(lines) == reply
