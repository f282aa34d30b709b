"""The sink, without a socket: what it answers, whatever the reads were."""

from __future__ import annotations

import asyncio

import pytest

from bench.sink import EHLO_REPLY, GREETING, REPLIES, TAKEN, Sink

_TEXT = b"Subject: x\r\n\r\n..a dot\r\n.\r\n"
_DATA = b"EHLO a.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@c.example>\r\nDATA\r\n" + _TEXT + b"QUIT\r\n"
_BDAT = b"MAIL FROM:<>\r\nBDAT 5\r\n\r\n.\r\nBDAT 3 LAST\r\nabcRSET\r\nBDAT 0 LAST\r\n"


class _Written(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True


def _answers(octets: bytes, piece: int) -> _Written:
    transport = _Written()
    sink = Sink()
    sink.connection_made(transport)
    for at in range(0, len(octets), piece):
        sink.data_received(octets[at : at + piece])
    return transport


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_a_message_after_data_is_counted_with_its_final_dot(piece: int) -> None:
    transport = _answers(_DATA, piece)
    verbs = (b"MAIL", b"RCPT", b"DATA")
    replies = [GREETING, EHLO_REPLY, *(REPLIES[verb] for verb in verbs), TAKEN % len(_TEXT), REPLIES[b"QUIT"]]
    assert b"".join(transport.writes) == b"".join(replies)
    assert transport.closed


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 1000])
def test_chunks_are_counted_and_a_dot_inside_ends_nothing(piece: int) -> None:
    transport = _answers(_BDAT, piece)
    replies = [GREETING, REPLIES[b"MAIL"], TAKEN % 5, TAKEN % 8, REPLIES[b"RSET"], TAKEN % 0]
    assert b"".join(transport.writes) == b"".join(replies)


def test_a_read_is_answered_in_one_write() -> None:
    assert len(_answers(_DATA, 1000).writes) == 2  # the greeting, and all the rest


def test_a_text_longer_than_what_it_looks_at_is_counted_whole() -> None:
    text = b"line of text\r\n" * 500 + b".\r\n"
    transport = _answers(b"MAIL FROM:<>\r\nDATA\r\n" + text, 1999)
    assert transport.writes[-1] == TAKEN % len(text)
