"""Which connections of a run are drawn, and which legs belong together."""

from __future__ import annotations

from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.events import Event
from smtpguard.lab.telling.ladder_choice import ladders
from smtpguard.lab.telling.ladder_notes import note_boxes
from tests.lab import legs
from tests.lab.legs import leg


def test_connections_that_tell_the_same_story_are_drawn_once() -> None:
    capture = Capture()
    for number, day in ((1, b"Thu, 25 Oct 2007"), (2, b"Fri, 26 Oct 2007")):
        banner = (60.0 * number, "S", b"220 mx ready at  " + day + b"\r\n")
        leg(capture, "sender", [banner, (60.0 * number, "C", legs.QUIT)], number, 60.0 * number)
    leg(capture, "sender", [(180.0, "S", b"421 busy\r\n")], 3, 180.0)
    assert [ladder.number for ladder in ladders(capture, [], firewall=False)] == [1, 3]


def test_the_legs_of_each_connection_find_each_other() -> None:
    capture = Capture()
    leg(capture, "sender", [(0.0, "S", b"421 no\r\n"), (0.0, "S.", b"")], 1, 0.0)
    leg(capture, "sender", [(60.0, "S", legs.BANNER), (61.0, "C.", b"")], 2, 60.0)
    leg(capture, "receiver", [(60.0, "S", legs.BANNER), (61.0, "C.", b"")], 1, 60.0)
    note = Event(60.0, "firewall", "greeting-recorded", {"session": "2", "rule": "r", "action": "record"})
    first, second = ladders(capture, [note], firewall=True)
    assert not any(row.passed for row in first.rows)
    assert all(row.passed for row in second.rows)
    assert second.rows[1].notes == note_boxes([note])
