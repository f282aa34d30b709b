"""A session as a ladder: each step's rows, and the box at the step that a finding is about."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smtpguard.analyzer.ladder import MOST_ROWS, session_ladder
from smtpguard.analyzer.steps import Step
from smtpguard.pages.ladder import Ladder
from smtpguard.pages.ladder_drawing import draw
from tests.analyzer import made


def shown(ladder: Ladder) -> list[tuple[str, str, float]]:
    return [(row.item.kind, row.item.lines[0], row.time) for row in ladder.rows]


def test_a_whole_session() -> None:
    steps = made.session()
    ladder = session_ladder(steps, [(steps[2], ["EHLO is odd"])])
    assert shown(ladder)[:5] == [
        ("open", "TCP connection", 0.0),
        ("reply", "220 mx1.example.net ESMTP Postfix", 0.0),
        ("command", "EHLO [127.0.0.1]", 0.0),
        ("reply", "250-mx1.example.net", 0.5),
        ("command", "MAIL FROM:<a@example.com>", 0.5),
    ]
    assert ("message", "[17 octets of message, dot line included]", 0.5) in shown(ladder)
    assert [row.item.lines[0] for row in ladder.rows if row.notes] == ["250-mx1.example.net"]
    assert all(row.passed for row in ladder.rows)


def test_silence_is_noted_behind_what_was_sent_and_then_the_analyzer_gives_up() -> None:
    silent = Step("BDAT", b"BDAT 3 LAST\r\nabc", failure="silent", seconds=30)
    ladder = session_ladder((Step("connect"), silent), [(silent, ["BDAT was not answered"])])
    assert shown(ladder)[1:] == [
        ("command", "BDAT 3 LAST", 0.0),
        ("message", "[3 octets of message]", 0.0),
        ("close", "gives up", 30.0),
    ]
    assert [row.item.lines[0] for row in ladder.rows if row.notes] == ["[3 octets of message]"]
    assert ladder.rows[-1].item.from_client


def test_what_the_server_did_unasked_and_its_close_are_there() -> None:
    closed = Step("EHLO", b"EHLO a\r\n", b"", failure="closed", unasked=b"250 early\r\n")
    ladder = session_ladder((closed,), [(closed, ["x"])])
    assert [row.item.lines[-1] for row in ladder.rows] == [
        "(nobody had asked for that)",
        "EHLO a",
        "closes the connection",
    ]
    assert not ladder.rows[-1].item.from_client


def test_a_connection_that_failed_and_a_lookup_that_has_no_row() -> None:
    failed = Step("connect", failure="refused", detail="connection refused")
    ladder = session_ladder((Step("lookup"), failed), [(failed, ["Nothing listens"])])
    assert shown(ladder) == [
        ("open", "tries a TCP connection", 0.0),
        ("close", "nothing listens there: connection refused", 0.0),
    ]
    assert [len(row.notes) for row in ladder.rows] == [0, 1]


def test_binary_and_much_text_are_counted() -> None:
    blob = Step("blob", bytes(range(256)), b"250 ok\r\n", 250)
    loose = Step("blob", b"smtpguard." * 20, failure="silent")
    assert session_ladder((loose,), []).rows[0].item.lines == ("[200 octets]",)
    many = Step("group", b"NOOP\r\n" * 40, b"250 ok\r\n" * 50, 250)
    rows = session_ladder((blob, many), [(blob, ["x"])]).rows
    assert rows[0].item.lines == ("[256 octets]",)
    assert rows[2].item.lines == ("[240 octets]",)
    assert rows[3].item.lines[-1] == "… 10 more lines"


def test_a_ladder_is_bounded() -> None:
    steps = tuple(Step("NOOP", b"NOOP\r\n", b"250 ok\r\n", 250) for _ in range(100))
    ladder = session_ladder(steps, [(steps[0], ["x"])])
    assert (len(ladder.rows), ladder.left_out) == (MOST_ROWS, 200 - MOST_ROWS)


STEPS = st.builds(
    Step,
    name=st.sampled_from(["lookup", "connect", "banner", "EHLO", "message", "BDAT", "a probe"]),
    sent=st.binary(max_size=60) | st.sampled_from([b"", b"BDAT 3\r\nabc", b"BDAT 0 LAST\r\n"]),
    received=st.binary(max_size=60),
    unasked=st.binary(max_size=20),
    failure=st.sampled_from(["", "silent", "closed", "babbling", "garbled", "refused", "late"]),
    seconds=st.floats(0, 100),
)


@given(steps=st.lists(STEPS, min_size=1, max_size=6), data=st.data())
def test_whatever_was_said_can_be_drawn(steps: list[Step], data: st.DataObject) -> None:
    noted = data.draw(st.sampled_from(steps))
    ladder = session_ladder(steps, [(noted, ["x"])])
    assert draw(ladder, "a", "", "b").startswith("<svg")
    alone = session_ladder([noted], [(noted, ["x"])])
    assert sum(len(row.notes) for row in alone.rows) == (1 if alone.rows else 0)
