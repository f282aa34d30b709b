"""Line ends written anew, and what is wrong with them, against slow readers that look at one octet after the other."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.smtp.line_ends import LINE_OCTETS, LineWatch, Normaliser

scraps = st.lists(
    st.sampled_from([b"\r\n", b"\n", b"\r", b"\0", b".", b"..", b"a", b"word. ", b"\r\n.", b"x" * 600]), max_size=20
).map(b"".join)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    while data:
        size = sizes.pop() if sizes else len(data)
        pieces.append(data[:size])
        data = data[size:]
    return pieces


sizes = st.lists(st.integers(1, 6), max_size=40)


def text(drawn: bytes) -> bytes:
    """A text as DATA has it: dot-stuffed wherever a line that CRLF began is a lone dot, CRLF at its end."""
    while b"\r\n.\r\n" in b"\r\n" + drawn + b"\r\n":
        drawn = (b"\r\n" + drawn + b"\r\n").replace(b"\r\n.\r\n", b"\r\n..\r\n")[2:-2]
    return drawn + b"\r\n"


def written(data: bytes, sizes: list[int] | None = None) -> bytes:
    normaliser = Normaliser()
    return b"".join(normaliser.feed(piece) for piece in cut(data, list(sizes or [])))


@given(drawn=scraps)
def test_nothing_is_left_to_differ_over(drawn: bytes) -> None:
    out = written(text(drawn))
    assert out.endswith(b"\r\n")
    assert b"\0" not in out
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", out) is None
    assert b"\r\n.\r\n" not in b"\r\n" + out


@given(drawn=scraps, sizes=sizes)
def test_slicing_does_not_matter(drawn: bytes, sizes: list[int]) -> None:
    assert written(text(drawn), sizes) == written(text(drawn))


def strictly(data: bytes) -> list[bytes]:
    """What the RFC's own receiver has of the text: lines that CRLF ended, one leading dot gone, then NUL and the
    other line ends taken for what they look like."""
    contents = [line.removeprefix(b".").replace(b"\0", b"") for line in data.split(b"\r\n")]
    return re.split(rb"\r+\n|\n|\r", b"\r\n".join(contents))


@given(drawn=scraps)
def test_the_lines_are_those_of_the_rfcs_receiver(drawn: bytes) -> None:
    assert [line.removeprefix(b".") for line in written(text(drawn)).split(b"\r\n")] == strictly(text(drawn))


@given(drawn=st.lists(st.sampled_from([b"\r\n", b"a", b"..", b"word. ", b"\r\n.x"]), max_size=20).map(b"".join))
def test_a_clean_text_stays_as_it_is(drawn: bytes) -> None:
    assert written(text(drawn)) == text(drawn)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"a\n.\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\n.\rb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r.\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r.\rb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\n.\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r.\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r\n\0.\r\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\r\n.\r\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\r\r\n.\r\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\r\n.\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\r\n.\rb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\r\n.\0\r\nb\r\n", b"a\r\n\r\nb\r\n"),
        (b"a\n\0.\0\nb\r\n", b"a\r\n..\r\nb\r\n"),
        (b"a\n.b\r\n", b"a\r\n..b\r\n"),
    ],
)
def test_each_form(given: bytes, expected: bytes) -> None:
    assert written(given) == expected


def test_what_is_held_comes_back_as_it_came() -> None:
    for held in (b"\r\r", b"."):
        normaliser = Normaliser()
        assert normaliser.feed(held) == b""
        assert normaliser.rest() == held
        assert normaliser.rest() == b""


EVERYTHING = frozenset(("text-line-end", "long-line"))


def slowly(data: bytes) -> list[tuple[int, str]]:
    """The first of each, octet by octet."""
    found: dict[str, int] = {}
    length = 0
    for index, octet in enumerate(data):
        before = data[index - 1] if index else 0
        if octet == 0 or (octet == 10 and before != 13) or (before == 13 and octet != 10):
            found.setdefault("text-line-end", index)
        length += 1
        if length > LINE_OCTETS:
            found.setdefault("long-line", index)
        if octet == 10:
            length = 0
    return sorted((index, name) for name, index in found.items())


@given(drawn=scraps, sizes=st.lists(st.integers(1, 700), max_size=40))
def test_the_watch_sees_what_a_slow_reader_sees(drawn: bytes, sizes: list[int]) -> None:
    watch = LineWatch(EVERYTHING)
    found, fed = [], 0
    for piece in cut(drawn, sizes):
        found += [(fed + index, name) for index, name in watch.feed(piece)]
        fed += len(piece)
    assert found == slowly(drawn)


def test_the_watch_looks_only_for_what_is_wanted() -> None:
    assert LineWatch(frozenset()).feed(b"a\nb" + b"x" * 2000) == []
    assert LineWatch(frozenset(("long-line",))).feed(b"a\n" + b"x" * 1001) == [(1002, "long-line")]


@pytest.mark.parametrize(("octets", "too_long"), [(LINE_OCTETS, False), (LINE_OCTETS + 1, True)])
def test_a_thousand_octets_with_crlf_are_lawful(octets: int, too_long: bool) -> None:
    line = b"x" * (octets - 2) + b"\r\n"
    assert bool(LineWatch(EVERYTHING).feed(line * 2)) is too_long
