"""One direction of TCP: what becomes deliverable when, and what was never there."""

from __future__ import annotations

import random

import pytest

from smtpguard.replay.segments import FIN, SYN, Segment
from smtpguard.replay.streams import LEAST_COST, MAX_AHEAD, MAX_HELD, Gap, Stream


def seg(at: int, data: bytes = b"", flags: int = 0, *, base: int = 0, length: int | None = None) -> Segment:
    octets = len(data) if length is None else length
    return Segment(("c", 1), ("s", 25), (base + at) % 2**32, 0, flags, octets, data)


def opened(base: int = 0) -> Stream:
    stream = Stream()
    assert stream.take(seg(-1, flags=SYN, base=base)) == b""
    return stream


def test_in_order() -> None:
    stream = opened()
    assert [stream.take(seg(0, b"abc")), stream.take(seg(3, b"def"))] == [b"abc", b"def"]
    assert stream.finish() == b""
    assert stream.gaps == []


def test_out_of_order_waits_for_what_is_missing() -> None:
    stream = opened()
    assert [stream.take(seg(6, b"ghi")), stream.take(seg(3, b"def")), stream.take(seg(0, b"abc"))] == [
        b"",
        b"",
        b"abcdefghi",
    ]
    assert stream.finish() == b""
    assert stream.gaps == []


@pytest.mark.parametrize(
    ("at", "data", "fresh"),
    [(0, b"abc", b""), (1, b"bc", b""), (2, b"cdef", b"def"), (0, b"ABCdef", b"def"), (2, b"", b""), (2, b"X", b"")],
    ids=["again", "part", "overlap", "other-octets", "keepalive", "probe"],
)
def test_what_came_first_stays(at: int, data: bytes, fresh: bytes) -> None:
    stream = opened()
    stream.take(seg(0, b"abc"))
    assert stream.take(seg(at, data)) == fresh
    assert stream.finish() == b""
    assert stream.gaps == []


def test_overlaps_among_the_held() -> None:
    stream = opened()
    for at, data in ((4, b"efgh"), (2, b"cdEF"), (4, b"XX"), (6, b"GHij")):
        assert stream.take(seg(at, data)) == b""
    assert stream.take(seg(0, b"ab")) == b"abcdEFghij"


def test_sequence_numbers_wrap() -> None:
    base = 2**32 - 4
    stream = opened(base)
    assert stream.take(seg(5, b"fgh", base=base)) == b""
    assert stream.take(seg(0, b"abcde", base=base)) == b"abcdefgh"
    assert stream.acknowledged(4) == b""
    stream.finish()
    assert stream.gaps == []


def test_a_gap_that_the_peer_acknowledged_is_given_up_at_once() -> None:
    stream = opened()
    stream.take(seg(0, b"abc"))
    assert stream.take(seg(6, b"ghi")) == b""
    assert stream.acknowledged(3) == b""
    assert stream.acknowledged(9) == b"ghi"
    assert stream.gaps == [Gap(3, 3)]


def test_an_acknowledgement_before_the_octets_gives_them_up_only_behind_a_gap() -> None:
    stream = opened()
    assert stream.acknowledged(6) == b""
    assert stream.take(seg(0, b"abc")) == b"abc"
    assert stream.take(seg(3, b"def")) == b"def"
    assert stream.acknowledged(12) == b""
    assert stream.take(seg(9, b"jkl")) == b"jkl"
    assert stream.gaps == [Gap(6, 3)]


def test_the_end_gives_up_every_gap() -> None:
    stream = opened()
    stream.take(seg(2, b"cd"))
    stream.take(seg(6, b"gh"))
    assert stream.finish() == b"cdgh"
    assert stream.gaps == [Gap(0, 2), Gap(2, 2)]


def test_holding_is_bounded() -> None:
    stream = opened()
    chunk = b"x" * 65536
    out = [len(stream.take(seg(1 + number * len(chunk), chunk))) for number in range(MAX_HELD // len(chunk) + 1)]
    assert out[:-1] == [0] * (MAX_HELD // len(chunk))
    assert out[-1] == MAX_HELD + len(chunk)
    assert stream.gaps == [Gap(0, 1)]


def test_pieces_of_one_octet_are_bounded_by_their_number() -> None:
    stream = opened()
    pieces = MAX_HELD // LEAST_COST
    assert all(stream.take(seg(1 + 2 * number, b"x")) == b"" for number in range(pieces))
    assert stream.take(seg(1 + 2 * pieces, b"x")) == b"x"
    assert stream.gaps == [Gap(0, 1)]


def test_what_is_sent_again_while_it_is_held_costs_nothing() -> None:
    stream = opened()
    chunk = b"x" * 65536
    assert all(stream.take(seg(1, chunk)) == b"" for _ in range(MAX_HELD // len(chunk) + 1))
    assert stream.take(seg(0, b"a")) == b"a" + chunk


def test_a_segment_from_nowhere_is_ignored() -> None:
    stream = opened()
    assert stream.take(seg(MAX_AHEAD + 1, b"zzz")) == b""
    assert stream.acknowledged(MAX_AHEAD + 1) == b""
    assert stream.take(seg(0, b"abc")) == b"abc"
    assert stream.finish() == b""
    assert stream.gaps == []


def test_octets_that_the_capture_cut_off_are_a_gap() -> None:
    stream = opened()
    assert stream.take(seg(0, b"abc", length=5)) == b"abc"
    assert stream.take(seg(5, b"fgh")) == b""
    assert stream.acknowledged(8) == b"fgh"
    assert stream.take(seg(8, b"", length=2)) == b""
    stream.finish()
    assert stream.gaps == [Gap(3, 2), Gap(6, 2)]


def test_a_stream_without_its_beginning_starts_where_it_is_seen() -> None:
    seen, acknowledged = Stream(), Stream()
    assert seen.take(seg(1000, b"abc")) == b"abc"
    assert acknowledged.acknowledged(1000) == b""
    assert acknowledged.take(seg(1003, b"def")) == b""
    assert acknowledged.finish() == b"def"
    assert acknowledged.gaps == [Gap(0, 3)]


def test_the_end_comes_behind_every_octet() -> None:
    stream = opened()
    assert stream.take(seg(3, b"def", FIN)) == b""
    assert not stream.ended
    assert stream.take(seg(0, b"abc")) == b"abcdef"
    assert stream.ended
    assert stream.acknowledged(7) == b""
    stream.finish()
    assert stream.gaps == []


@pytest.mark.parametrize(("acknowledged", "gaps"), [(3, []), (4, []), (9, [Gap(3, 5)])])
def test_octets_that_only_an_acknowledgement_tells_of(acknowledged: int, gaps: list[Gap]) -> None:
    stream = opened()
    stream.take(seg(0, b"abc"))
    stream.acknowledged(acknowledged)
    assert stream.finish() == b""
    assert stream.gaps == gaps


def test_any_order_of_any_pieces_gives_the_same_octets() -> None:
    rng = random.Random(818222)
    whole = bytes(range(256)) * 4
    for _ in range(300):
        base = rng.randrange(2**32)
        pieces = [(at, at + rng.randrange(1, 90)) for at in range(0, len(whole), rng.randrange(20, 60))]
        pieces += [(at, min(at + 90, len(whole))) for at in range(0, len(whole), 60)]
        rng.shuffle(pieces)
        stream = opened(base)
        out = b"".join(stream.take(seg(start, whole[start:end], base=base)) for start, end in pieces)
        assert out == whole
        assert stream.finish() == b""
        assert stream.gaps == []
