"""Rules ``on: line``: what they see of a message, when they decide, and that nothing behind the verdict passes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.inspection.lines import LONGEST, LineReader
from smtpguard.policy.actions import Action, Close, Drop, Record, Reject, Reset, Tunnel
from tests.inspection.openings import QUEUED, exchange, in_text, in_transaction
from tests.playbook import (
    C,
    Playbook,
    S,
    closed,
    inspector,
    no_record,
    own_reply,
    record,
    reset,
    rule,
    to_client,
    to_server,
    tunnelled,
)

HEAD = b"Subject: x\r\n"
LONG = b"X-Long: " + b"y" * 30
TEXT = HEAD + LONG + b"\r\n\r\nHello\r\n.\r\n"


def lines(data: bytes, cuts: list[int], *, dots: bool = True) -> list[tuple[int, str, bytes, int]]:
    """Where each line of ``data`` is judged, and what is seen of it, when the octets come cut at ``cuts``."""
    reader = LineReader(dots=dots)
    found = []
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(data)), len(data)]
    for start, stop in pairwise(edges):
        position = start
        while (index := reader.seek(data, position, stop)) >= 0:
            found.append((index, reader.section, reader.line, reader.length))
            position = index
    return found


def test_a_message_line_by_line() -> None:
    assert lines(b"A: b\r\n c\r\n\r\nbody\nend\r\n.\r\n", []) == [
        (5, "header", b"A: b", 6),
        (9, "header", b" c", 4),
        (11, "header", b"", 2),
        (16, "body", b"body", 5),
        (21, "body", b"end", 5),
    ]


def test_a_lone_dot_is_a_line_where_octets_are_counted() -> None:
    assert [line for _, _, line, _ in lines(b"\r\n.\r\n", [], dots=False)] == [b"", b"."]


@pytest.mark.parametrize("size", [LONGEST - 1, LONGEST, LONGEST + 1, 3 * LONGEST])
def test_a_line_is_kept_and_judged_up_to_a_limit_and_only_once(size: int) -> None:
    found = lines(b"x" * size + b"\ny\n", [])
    assert [(line, length) for _, _, line, length in found] == [
        (b"x" * min(size, LONGEST), min(size + 1, LONGEST) if size >= LONGEST else size + 1),
        (b"y", 2),
    ]
    assert found[0][0] == min(size, LONGEST)


@given(data=st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b".", b"b" * 5000]), max_size=12).map(b"".join),
       cuts=st.lists(st.integers(0, 15_000), max_size=6), dots=st.booleans())  # fmt: skip
def test_what_is_seen_does_not_depend_on_the_cuts(data: bytes, cuts: list[int], dots: bool) -> None:
    assert lines(data, cuts, dots=dots) == lines(data, [], dots=dots)


def in_lines(action: Action, **conditions: object) -> Playbook:
    """A message's text is awaited, under one rule about its lines."""
    factory = inspector(rule("r", "line", action, **conditions))  # type: ignore[arg-type]
    return in_text(factory)


def long(facts: object) -> bool:
    return facts.length > 20  # type: ignore[attr-defined,no-any-return]


def test_a_record_alters_nothing_and_tells_where_the_line_stood() -> None:
    book = in_lines(Record(), when=long) >> C(TEXT) << to_server(TEXT)
    book = book << record("line-recorded", rule="r", verb="DATA", section="header", length=len(LONG) + 2)
    assert book >> S(QUEUED) << to_client(QUEUED)


def test_a_line_that_ends_the_session_has_no_end_at_the_server() -> None:
    book = in_lines(Close(code=554, enhanced="5.6.0", text="Line too long"), when=long) >> C(TEXT)
    book = book << to_server(HEAD + LONG + b"\r") << to_client(b"554 5.6.0 Line too long [r]\r\n")
    assert book << record("line-closed", rule="r") << closed()


def test_reset_and_drop_and_tunnel() -> None:
    cut = HEAD + LONG + b"\r"
    assert in_lines(Reset(), when=long) >> C(TEXT) << to_server(cut) << record("line-reset") << reset()
    dropped = in_lines(Drop(), when=long) >> C(TEXT) << to_server(cut) << record("line-dropped") << record("stall")
    assert dropped >> C(b"NOOP\r\n") >> S(QUEUED)
    opened = in_lines(Tunnel(), when=long) >> C(TEXT) << to_server(TEXT) << record("line-tunnelled") << tunnelled()
    assert opened >> S(QUEUED) << to_client(QUEUED) << no_record("message")


def test_the_lines_of_a_message_go_on_over_its_chunks_and_end_with_it() -> None:
    seen: list[tuple[str, bytes]] = []

    def look(facts: object) -> bool:
        seen.append((facts.section, facts.line))  # type: ignore[attr-defined]
        return False

    book = in_transaction(inspector(rule("r", "line", Record(), when=look)))
    for chunk, last in ((b"A: b\r\n\r", b""), (b"\nbo", b""), (b"dy\r\n", b" LAST")):
        said = b"BDAT %d%b\r\n" % (len(chunk), last) + chunk
        book = book >> C(said) << to_server(said) >> S(QUEUED) << to_client(QUEUED)
    again = b"BDAT 6 LAST\r\nC: d\r\n"
    book = exchange(book, b"MAIL FROM:<a@a.example>\r\n", b"250 ok\r\n")
    assert (book >> C(again) << to_server(again) >> S(QUEUED) << to_client(QUEUED)).in_one_read()
    assert seen == [("header", b"A: b"), ("header", b""), ("body", b"body"), ("header", b"C: d")]


def test_a_chunk_that_is_not_passed_on_is_not_looked_at() -> None:
    rules = [rule("no", "command", Reject(), verb="BDAT"), rule("r", "line", Drop())]
    book = in_transaction(inspector(*rules)) >> C(b"BDAT 6 LAST\r\nC: d\r\n") << own_reply(b"550 5.7.1", rule="no")
    assert exchange(book << no_record("line-dropped"), b"NOOP\r\n", b"250 ok\r\n")


def test_a_line_that_a_black_hole_took_is_not_judged() -> None:
    rules = [rule("no", "payload", Drop(3)), rule("r", "line", Record())]
    book = in_transaction(inspector(*rules)) >> C(b"BDAT 6 LAST\r\nC: d\r\n") << to_server(b"BDAT 6 LAST\r\nC: ")
    assert book << record("payload-dropped", rule="no") << no_record("line-recorded")


def test_a_blob_has_no_lines() -> None:
    book = in_transaction(inspector(rule("r", "line", Drop())))
    book = exchange(book, b"XEXCH50 6 2\r\n", b"354 go\r\n") >> C(b"ab\r\ncd") << to_server(b"ab\r\ncd")
    assert book << no_record("line-dropped")


def test_smuggled_ends_and_lines_are_judged_in_the_order_of_their_octets() -> None:
    rules = [rule("r", "line", Record()), rule("no", "violation", Close(), violation="smuggling")]
    book = in_text(inspector(*rules))
    book = book >> C(b"a\n.\nRSET\r\n") << to_server(b"a\n") << record("line-recorded", length=2)
    assert book << record("violation", violation="smuggling") << record("violation-closed") << closed()
