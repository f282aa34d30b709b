"""Reply lines collected to replies, faults named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.smtp.replies import Reply, ReplyReader, code_of


def read(*lines: bytes) -> Reply:
    """The one reply that ``lines`` make; the last line ends it."""
    reader = ReplyReader()
    for line in lines[:-1]:
        assert reader.feed(line) is None
    reply = reader.feed(lines[-1])
    assert reply is not None
    assert reader.held == 0
    return reply


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"250 OK\r\n", 250),
        (b"250-mx\r\n", 250),
        (b"250\r\n", 250),
        (b"250 \r\n", 250),
        (b"354 Send binary data\r\n", 354),
        (b"250OK\r\n", -1),
        (b"25 OK\r\n", -1),
        (b"2500 OK\r\n", -1),
        (b"\r\n", -1),
        (b"abc OK\r\n", -1),
        (b" 250 OK\r\n", -1),
        (b"+50 OK\r\n", -1),
        ("²50 OK\r\n".encode(), -1),
        (b"100 go on\r\n", 100),
        (b"999 what\r\n", 999),
    ],
)
def test_the_code_of_a_line(line: bytes, code: int) -> None:
    assert code_of(line) == code


def test_a_single_line_is_a_reply() -> None:
    reply = read(b"250 2.1.0 a@b.example....Sender OK\r\n")
    assert (reply.code, reply.fault, reply.positive) == (250, "", True)
    assert reply.raw == b"250 2.1.0 a@b.example....Sender OK\r\n"


def test_lines_are_kept_as_they_came() -> None:
    lines = (b"250-mx.example Hello [192.0.2.1]\r\n", b"250-XEXCH50\r\n", b"250 OK\r\n")
    reply = read(*lines)
    assert reply.raw == b"".join(lines)
    assert reply.lines == list(lines)


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ((b"250-mx\r\n", b"240-X-EXPS=LOGIN *\r\n", b"250 OK\r\n"), "reply-misprint"),
        ((b"250-mx\r\n", b"550 no\r\n"), "reply-code-change"),
        ((b"250-mx\r\n", b"240-x\r\n", b"550 no\r\n"), "reply-code-change"),
        ((b"100 wait\r\n",), "reply-code"),
        ((b"621 what\r\n",), "reply-code"),
        ((b"250-mx\r\n", b"650 what\r\n"), "reply-code"),
        ((b"hello\r\n",), "malformed-reply"),
        ((b"250-mx\r\n", b"hello\r\n"), "malformed-reply"),
    ],
)
def test_faults_are_named(lines: tuple[bytes, ...], fault: str) -> None:
    assert read(*lines).fault == fault


def test_a_fault_is_forgotten_with_its_reply() -> None:
    reader = ReplyReader()
    assert reader.feed(b"250-mx\r\n") is None
    first = reader.feed(b"240 x\r\n")
    second = reader.feed(b"250 OK\r\n")
    assert first is not None
    assert second is not None
    assert (first.fault, second.fault) == ("reply-misprint", "")


def test_what_is_held_is_counted_and_can_be_taken_back() -> None:
    reader = ReplyReader()
    reader.feed(b"250-mx\r\n")
    reader.feed(b"250-SIZE\r\n")
    assert reader.held == len(b"250-mx\r\n250-SIZE\r\n")
    assert reader.take() == b"250-mx\r\n250-SIZE\r\n"
    assert reader.held == 0
    assert read(b"250 OK\r\n").raw == b"250 OK\r\n"


@given(st.lists(st.binary(max_size=12).map(lambda text: text.replace(b"\n", b"") + b"\n"), max_size=20))
def test_any_lines_come_out_again_whole_and_in_order(lines: list[bytes]) -> None:
    reader = ReplyReader()
    out = b""
    for line in lines:
        reply = reader.feed(line)
        if reply is not None:
            assert reply.raw == b"".join(reply.lines)
            out += reply.raw
    assert out + reader.take() == b"".join(lines)
