"""The list of events."""

from __future__ import annotations

from smtpguard.lab.events import Event, EventLog


def test_order_is_time_then_host_then_arrival() -> None:
    now = 0.0
    log = EventLog(lambda: now)
    log.add("receiver", "connected")
    log.add("firewall", "b")
    log.add("sender", "first")
    log.add("firewall", "a")
    now = 5.0
    log.add("sender", "second")
    assert [(event.time, event.event) for event in log.ordered()] == [
        (0.0, "first"),
        (0.0, "b"),
        (0.0, "a"),
        (0.0, "connected"),
        (5.0, "second"),
    ]


def test_a_watcher_hears_each_event_as_it_happens() -> None:
    heard: list[Event] = []
    log = EventLog(lambda: 1.5, heard.append)
    log.add("sender", "attempt", {"number": 1})
    assert heard == [Event(1.5, "sender", "attempt", {"number": 1})]


def test_fields_cannot_hide_what_the_event_is() -> None:
    event = Event(1.23456789, "firewall", "payload-eaten", {"rule": "r", "event": 20031, "time": "no"})
    assert event.as_dict() == {"time": 1.234568, "host": "firewall", "event": "payload-eaten", "rule": "r"}


def test_fields_are_copied() -> None:
    fields: dict[str, object] = {"size": 1}
    log = EventLog(lambda: 0.0)
    log.add("firewall", "x", fields)
    fields["size"] = 2
    assert log.ordered()[0].fields == {"size": 1}
