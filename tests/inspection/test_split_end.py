"""The policy ``split-end``: the reply to a message is lost where its CRLF.CRLF came in two segments (CSCds90792)."""

from __future__ import annotations

import pytest

from tests.inspection.openings import QUEUED, in_text
from tests.playbook import C, S, inspector, no_record, record, to_client, to_server

BODY = b"Subject: x\r\n\r\nHello"
END = b"\r\n.\r\n"


@pytest.mark.parametrize("cut", range(1, len(END)))
def test_an_end_in_two_segments_loses_its_reply(cut: int) -> None:
    book = in_text(inspector("split-end"))
    book = book >> C(BODY + END[:cut]) << to_server(BODY + END[:cut]) >> C(END[cut:]) << to_server(END[cut:])
    book = book >> S(QUEUED) << record("message-eaten", rule="split-end") << record("stall", why="reply eaten")
    assert book.in_one_read()


@pytest.mark.parametrize("pieces", [[BODY + END], [BODY, END], [BODY[:5], BODY[5:] + END]])
def test_an_end_in_one_segment_is_seen(pieces: list[bytes]) -> None:
    book = in_text(inspector("split-end"))
    for piece in pieces:
        book = book >> C(piece) << to_server(piece)
    book = book >> S(QUEUED) << to_client(QUEUED) << no_record("message-eaten")
    assert book.in_one_read()
