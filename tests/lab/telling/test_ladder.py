"""The rows of a ladder."""

from __future__ import annotations

from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.events import Event
from smtpguard.lab.telling.ladder import MOST_ITEMS, direct_ladder, firewall_ladder
from smtpguard.lab.telling.ladder_notes import note_boxes
from smtpguard.pages.ladder import Ladder, Row
from tests.lab import legs
from tests.lab.legs import leg


def shown(ladder: Ladder) -> list[tuple[str, str]]:
    """Each row as its way and its first line: ``=`` passed, ``<`` the sender's leg only, ``>`` the receiver's only."""
    return [(way(row), row.item.lines[0]) for row in ladder.rows]


def way(row: Row) -> str:
    if row.passed:
        return "="
    return "<" if row.receiver is None else ">"


def through(capture: Capture, *events: Event) -> Ladder:
    return firewall_ladder(capture.connections("sender")[0], capture.connections("receiver")[0], events)


def decision(event: str, where: str, action: str, time: float = 0.0, **fields: object) -> Event:
    return Event(time, "firewall", event, {"session": "1", "rule": "r", "where": where, "action": action} | fields)


def test_an_eaten_blob_touches_the_senders_leg_only() -> None:
    eaten = decision("payload-eaten", "payload", "eat", verb="XEXCH50", size=1020)
    stall = Event(0.0, "firewall", "stall", {"session": "1", "verb": "XEXCH50", "why": "payload eaten"})
    ladder = through(legs.eaten_blob(), eaten, stall)
    assert shown(ladder)[-4:] == [
        ("=", "XEXCH50 1020 2"),
        ("=", "354 Send binary data"),
        ("<", "[1020 octets of binary]"),
        ("=", "closes the connection"),
    ]
    assert all(row.passed for row in ladder.rows[:-2])
    assert [row.notes for row in ladder.rows if row.notes] == [note_boxes([eaten, stall])]
    assert ladder.rows[-2].notes == note_boxes([eaten, stall])


def test_an_eaten_reply_touches_the_receivers_leg_only_and_carries_the_note() -> None:
    capture = Capture()
    rest = [(0.0, "C", legs.XEXCH50), (0.0, "S", legs.GO_AHEAD), (0.0, "C", legs.BLOB)]
    leg(capture, "sender", [*legs.opening(), *rest, (600.0, "C.", b"")])
    leg(capture, "receiver", [*legs.opening(), *rest, (0.0, "S", b"250 XEXCH50 OK\r\n"), (600.0, "C.", b"")])
    eaten = decision("reply-eaten", "reply", "eat", verb="XEXCH50", code=250)
    stall = Event(0.0, "firewall", "stall", {"session": "1", "verb": "XEXCH50", "why": "reply eaten"})
    ladder = through(capture, eaten, stall)
    assert shown(ladder)[-2:] == [(">", "250 XEXCH50 OK"), ("=", "closes the connection")]
    assert ladder.rows[-2].notes == note_boxes([eaten, stall])


def test_a_changed_reply_stands_on_both_legs_by_itself_the_receivers_first() -> None:
    capture = Capture()
    stripped = legs.KEYWORDS.replace(b"250-AUTH GSSAPI NTLM\r\n250 XEXCH50", b"250 AUTH GSSAPI NTLM")
    leg(capture, "sender", legs.opening(keywords=stripped))
    leg(capture, "receiver", legs.opening())
    note = decision("keyword-stripped", "keyword", "strip", verb="EHLO", keyword="XEXCH50")
    ladder = through(capture, note)
    assert shown(ladder)[2:6] == [
        ("=", "EHLO mail1.example.com"),
        (">", "250-mx1.example.net Hello"),
        ("<", "250-mx1.example.net Hello"),
        ("=", "MAIL FROM:<a@example.com>"),
    ]
    assert ladder.rows[3].notes == note_boxes([note])


def test_a_close_of_the_firewalls_comes_behind_what_caused_it() -> None:
    capture = Capture()
    leg(capture, "sender", [*legs.opening(), (0.0, "C", legs.XEXCH50), (0.0, "S.", b"")])
    leg(capture, "receiver", [*legs.opening(), (0.0, "C.", b"")])
    closed = decision("command-closed", "command", "close", verb="XEXCH50")
    ladder = through(capture, closed)
    assert shown(ladder)[-3:] == [
        ("<", "XEXCH50 1020 2"),
        (">", "closes the connection"),
        ("<", "closes the connection"),
    ]
    assert ladder.rows[-3].notes == note_boxes([closed])


def test_what_the_firewall_made_of_an_item_comes_behind_it() -> None:
    capture = Capture()
    leg(
        capture, "sender", [*legs.opening(), (0.0, "C", legs.XEXCH50), (0.0, "S", legs.GO_AHEAD), (0.0, "C", legs.BLOB)]
    )
    part = (0.0, "C", legs.BLOB[:500])
    leg(capture, "receiver", [*legs.opening(), (0.0, "C", legs.XEXCH50), (0.0, "S", legs.GO_AHEAD), part])
    assert shown(through(capture))[-2:] == [("<", "[1020 octets of binary]"), (">", "[500 octets, unfinished]")]


def test_an_answer_of_the_firewalls_own_is_on_the_senders_leg() -> None:
    capture = Capture()
    leg(capture, "sender", [*legs.opening(), (0.0, "C", legs.XEXCH50), (0.0, "S", b"500 5.5.1 no\r\n")])
    leg(capture, "receiver", legs.opening())
    assert shown(through(capture))[-2:] == [("<", "XEXCH50 1020 2"), ("<", "500 5.5.1 no")]


def test_how_the_legs_overlapped_does_not_matter() -> None:
    pipelined = [(0.0, "C", legs.MAIL + legs.RCPT), (0.0, "S", legs.SENDER_OK), (0.0, "S", legs.RECIPIENT_OK)]
    one_by_one = legs.opening()[3:]
    told = []
    for far in (pipelined, one_by_one):
        capture = Capture()
        leg(capture, "sender", [*legs.opening()[:3], *pipelined])
        leg(capture, "receiver", [*legs.opening()[:3], *far])
        told.append(shown(through(capture)))
    assert told[0] == told[1]
    assert all(passed == "=" for passed, _ in told[0])


def test_a_connection_that_never_reached_the_receiver() -> None:
    capture = Capture()
    leg(capture, "sender", [(0.0, "S", b"421 closed\r\n"), (0.0, "S.", b"")])
    refused = decision("connect-rejected", "connect", "reject")
    ladder = firewall_ladder(capture.connections("sender")[0], None, [refused])
    assert [passed for passed, _ in shown(ladder)] == ["<", "<", "<"]
    assert ladder.rows[0].notes == note_boxes([refused])


def test_the_same_decision_twice_hangs_on_two_rows() -> None:
    capture = Capture()
    twice = [(0.0, "C", b"NOOP\r\n"), (0.0, "S", b"250 ok\r\n")] * 2
    leg(capture, "sender", [(0.0, "S", legs.BANNER), *twice])
    leg(capture, "receiver", [(0.0, "S", legs.BANNER), *twice])
    told = [decision("command-recorded", "command", "record", verb="NOOP") for _ in range(2)]
    assert [len(row.notes) for row in through(capture, *told).rows] == [0, 0, 1, 0, 1, 0]


def test_a_record_that_fits_no_row_hangs_on_the_last_one_before_it() -> None:
    late = Event(600.0, "firewall", "timeout", {"session": "1", "which": "reply"})
    ladder = through(legs.eaten_blob(), late)
    assert ladder.rows[-1].notes == note_boxes([late])
    summary = Event(0.0, "firewall", "session", {"session": "1"})
    assert not any(row.notes for row in through(legs.eaten_blob(), summary).rows)


def test_a_ladder_is_bounded_and_says_what_is_left_out() -> None:
    capture = Capture()
    leg(capture, "sender", [(0.0, "C", b"NOOP\r\n" * (MOST_ITEMS + 9))])
    ladder = direct_ladder(capture.connections("sender")[0])
    assert len(ladder.rows) == MOST_ITEMS
    assert ladder.left_out == 10  # the opening is an item too
