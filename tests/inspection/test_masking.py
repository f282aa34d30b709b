"""Masks keep the length of what they hide."""

from __future__ import annotations

from typing import Literal

import pytest

from smtpguard.inspection.masking import banner_mask, masked_keyword


def test_a_banner_keeps_2_0_blanks_and_its_line_end() -> None:
    assert banner_mask(b"220 mx.example 2003 ok\r\n") == b"220 ********** 200* **\r\n"


def test_a_masked_greeting_is_still_a_reply() -> None:
    assert banner_mask(b"554 no\r\n") == b"554 **\r\n"
    assert banner_mask(b"220-mx\r\n") == b"220-**\r\n"


@pytest.mark.parametrize(
    ("style", "line", "masked"),
    [
        ("letters", b"250-XEXCH50\r\n", b"250-XXXXXXA\r\n"),
        ("letters", b"250 A\r\n", b"250 A\r\n"),
        ("letters", b"250 \r\n", b"250 \r\n"),
        ("star", b"250-XEXCH50\r\n", b"250-XEX*H50\r\n"),
        ("star", b"250 DSN\r\n", b"250 DSN\r\n"),
        ("banner", b"250-SIZE 2000\n", b"250-**** 2000\n"),
    ],
)
def test_a_keyword_keeps_its_code_and_line_end(
    style: Literal["letters", "star", "banner"], line: bytes, masked: bytes
) -> None:
    assert masked_keyword(line, style, 0) == masked


def test_letters_count_the_masked_lines_and_start_over_behind_z() -> None:
    assert [masked_keyword(b"250-AB\r\n", "letters", index)[4:6] for index in (0, 1, 25, 26)] == [
        b"XA", b"XB", b"XZ", b"XA",
    ]  # fmt: skip
