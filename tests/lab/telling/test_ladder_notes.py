"""A firewall's records in words."""

from __future__ import annotations

import pytest

from smtpguard.lab.events import Event
from smtpguard.lab.telling.ladder_notes import note_boxes


def record(event: str, **fields: object) -> Event:
    return Event(0.0, "firewall", event, dict(fields))


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (
            record("payload-eaten", rule="r", action="eat", where="payload", verb="XEXCH50", size=1020, event_id=20031),
            ("eats the payload of XEXCH50, 1020 octets", "rule r, logs event 20031"),
        ),
        (
            record("reply-eaten", rule="r", action="eat", where="reply", verb="BDAT", code=250),
            ("eats the reply 250 to BDAT", "rule r"),
        ),
        (
            record("command-rejected", rule="r", action="reject", where="command", verb="unknown", observed=True),
            ("(observed only) refuses an unknown command", "rule r"),
        ),
        (record("greeting-masked", rule="r", action="mask", where="greeting"), ("masks the greeting", "rule r")),
        (record("connect-dropped", rule="r", action="drop", where="connect"), ("drops the connection", "rule r")),
        (record("connect-closed", rule="r", action="close", where="connect"), ("closes the connection", "rule r")),
        (record("message-eaten", rule="r", action="eat", where="message"), ("eats the message", "rule r")),
        (record("x-dreamt", rule="r", action="dream", where="command", verb="NOOP"), ("x dreamt", "rule r")),
        (record("stall", why="payload eaten"), ("from here on nothing passes: payload eaten",)),
        (record("violation", violation="bare-lf", detail="x"), ("violation: bare lf, x",)),
        (record("rule-crashed"), ("rule crashed",)),
    ],
)
def test_a_record_in_words(event: Event, lines: tuple[str, ...]) -> None:
    (note,) = note_boxes([event])
    assert note.lines == lines
    assert note.by_rule is ("rule" in event.fields)


def test_keywords_that_one_rule_treats_alike_share_a_box() -> None:
    told = [
        record("keyword-stripped", rule="r", action="strip", where="keyword", keyword=keyword)
        for keyword in ("TLS", "STARTTLS")
    ]
    other = record("keyword-stripped", rule="q", action="strip", where="keyword", keyword="CHUNKING")
    assert [note.lines for note in note_boxes([*told, other])] == [
        ("strips the keywords TLS, STARTTLS", "rule r"),
        ("strips the keyword CHUNKING", "rule q"),
    ]
