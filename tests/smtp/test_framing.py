"""Where payloads end, against a reference that looks at the whole text at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.smtp.framing import END, CountedReader, TextReader, undecided
from tests.playbook.slicing import SLICINGS, AtRandom
from tests.smtp.false_ends import FALSE_ENDS

tricky = st.lists(st.sampled_from([b"\r", b"\n", b".", b"\x00", b"a", b"\r\n", b"\r\n.", b"aaaa"]), max_size=40).map(
    b"".join
)
prose = st.lists(st.sampled_from([b"a.b.c.d.e.f.", b".", b"\r\n", b"\n.", b"\r", b"text."]), max_size=60).map(b"".join)


def end_of(text: bytes) -> int:
    """Just behind CRLF.CRLF, where the CRLF of the DATA line counts; -1 when it does not end."""
    at = (b"\r\n" + text).find(END)
    return at + len(END) - 2 if at >= 0 else -1


def holds_smuggling(text: bytes) -> bool:
    """Whether a dot stands alone between line ends that are not both CRLF, up to the end of the text."""
    stop = end_of(text)
    seen = b"\r\n" + (text if stop < 0 else text[:stop])
    for at in (i for i, octet in enumerate(seen) if octet == 0x2E):
        before, behind = seen[at - 2 : at], seen[at + 1 : at + 3]
        if before == b"\r\n":
            if behind[:1] in (b"\n", b"\x00") or (behind[:1] == b"\r" and behind[1:] not in (b"", b"\n")):
                return True
        elif before[-1:] in (b"\r", b"\n", b"\x00") and behind[:1] in (b"\r", b"\n", b"\x00"):
            return True
    return False


def read(text: bytes, slicing: object) -> tuple[int, TextReader]:
    """Feed ``text`` in slices to a fresh reader; how far the text reached, and the reader."""
    reader = TextReader()
    fed = 0
    for piece in slicing(text):  # type: ignore[operator]
        end = reader.feed(piece)
        if end >= 0:
            return fed + end, reader
        fed += len(piece)
    return -1, reader


@given(text=tricky | prose, seed=st.integers(0, 99))
def test_only_crlf_dot_crlf_ends_text_however_it_is_cut(text: bytes, seed: int) -> None:
    for slicing in (*SLICINGS.values(), AtRandom(seed)):
        end, reader = read(text, slicing)
        assert end == end_of(text)
        if end >= 0:
            assert reader.size == end - len(b".\r\n")
        else:
            assert reader.size == len(text)


@given(text=tricky | prose, seed=st.integers(0, 99))
def test_smuggled_ends_are_named_the_same_however_they_are_cut(text: bytes, seed: int) -> None:
    _, at_once = read(text, SLICINGS["whole"])
    assert bool(at_once.smuggled) == holds_smuggling(text)
    for slicing in (*SLICINGS.values(), AtRandom(seed)):
        _, reader = read(text, slicing)
        assert sorted(reader.smuggled) == sorted(at_once.smuggled)


@given(text=tricky, behind=tricky, start=st.integers(0, 9))
def test_reading_begins_where_it_is_told_and_ends_before_what_follows(text: bytes, behind: bytes, start: int) -> None:
    stream = b"." * start + text + END + behind
    end = TextReader().feed(stream, start)
    assert end == start + end_of(text + END)


@pytest.mark.parametrize("form", FALSE_ENDS)
@pytest.mark.parametrize("slicing", SLICINGS)
def test_every_near_miss_is_reported_and_ends_nothing(form: str, slicing: str) -> None:
    text = b"Subject: x\r\n\r\nbody" + FALSE_ENDS[form] + b"MAIL FROM:<a@b.example>\r\nmore"
    end, reader = read(text, SLICINGS[slicing])
    assert end == -1
    assert len(reader.smuggled) == 1
    end, reader = read(text + END, SLICINGS[slicing])
    assert end == len(text + END)
    assert reader.smuggled


@pytest.mark.parametrize("text", [b".\r\n", b"\r\n.\r\n", b"..\r\n.\r\n", b".a\r\n..\r\n.\r\n", b"a.\r\n.\r\n"])
@pytest.mark.parametrize("slicing", SLICINGS)
def test_honest_dots_are_no_smuggling(text: bytes, slicing: str) -> None:
    end, reader = read(text, SLICINGS[slicing])
    assert end == len(text)
    assert reader.smuggled == []
    assert reader.size == len(text) - 3


@given(size=st.integers(0, 300), data=st.binary(max_size=400), seed=st.integers(0, 99), start=st.integers(0, 3))
def test_counted_octets_are_counted_whatever_they_are(size: int, data: bytes, seed: int, start: int) -> None:
    at_once = CountedReader(size)
    end = at_once.feed(b"x" * start + data, start)
    assert end == (start + size if len(data) >= size else -1)
    assert at_once.left == max(0, size - len(data))
    assert at_once.size == size
    reader, fed, end = CountedReader(size), 0, -1
    for piece in AtRandom(seed)(data):
        end = reader.feed(piece)
        if end >= 0:
            break
        fed += len(piece)
    if data:
        assert (fed + end if end >= 0 else -1) == (size if len(data) >= size else -1)


@pytest.mark.parametrize(
    ("tail", "octets"),
    [(b"a\r\n.", 1), (b"ab\n.", 1), (b"ab\r.", 1), (b"ab\0.", 1), (b"\r\n.\r", 2), (b"b\n.\r", 0), (b"abc.", 0),
     (b"\r\n..", 0), (b"ab\r\n", 0), (b"\r\n", 0)],
)  # fmt: skip
def test_what_may_yet_turn_out_an_end(tail: bytes, octets: int) -> None:
    assert undecided(tail) == octets
