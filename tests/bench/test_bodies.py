"""The texts that the load sends."""

from __future__ import annotations

import re

import pytest

from bench.bodies import TEXTS, base64_text, dotted_text

_OCTETS = 300_000


@pytest.mark.parametrize("kind", TEXTS)
def test_a_text_is_nearly_as_long_as_asked_and_whole_lines(kind: str) -> None:
    text = TEXTS[kind](_OCTETS)
    assert _OCTETS - 120 < len(text) <= _OCTETS
    assert text.endswith(b"\r\n")
    assert text == TEXTS[kind](_OCTETS)
    assert not re.search(rb"[^\r]\n|\r[^\n]", text)


def test_base64_has_no_dot() -> None:
    assert b"." not in base64_text(_OCTETS)


def test_dots_are_as_dense_as_in_letters_and_stuffed_at_the_start_of_a_line() -> None:
    text = dotted_text(_OCTETS)
    assert 60 < len(text) / text.count(b".") < 130
    assert text.count(b"\r\n..") > 10
    assert not re.search(rb"\r\n\.[^.]", text)
