"""The event logs: which record makes which entry, and each text against its golden file."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from smtpguard.lab.dates import Calendar
from smtpguard.lab.eventlog.entries import Entry, command_start, entries
from smtpguard.lab.eventlog.viewer import as_text
from smtpguard.lab.events import Event, Host

GOLDEN = Path(__file__).parents[1] / "golden" / "events"
START = datetime(2004, 1, 13, 17, 23, 43, tzinfo=timezone(timedelta(hours=-8)))  # the date of KB843106's event
HOSTS: dict[Host, str] = {"sender": "COMPUTERNAME", "firewall": "COMPUTERNAME", "receiver": "COMPUTERNAME"}

REFUSED = Event(
    0.0,
    "sender",
    "xexch50-refused",
    {
        "command": "XEXCH50 2336 3",
        "reply": "504 Need to authenticate first",
        "remote": "E2k3server1.contoso.com",
        "domain": "contoso.com",
        "connection": 29,
    },
)
REFUSED_FOR_NOW = Event(0.0, "sender", "xexch50-refused", REFUSED.fields | {"reply": "451 Try again later"})
REFUSING = Event(
    0.0,
    "receiver",
    "blob-refused",
    {
        "command": "XEXCH50 1092 2",
        "reply": "504 Need to authenticate first",
        "client": "6.5.2.4",
        "connection": 30,
    },
)
DROPPED = Event(
    0.0,
    "sender",
    "connection-dropped",
    {
        "remote": "mx1.example.net",
        "domain": "example.net",
        "reason": "The connection was dropped by the remote host.",
        "connection": 1,
    },
)
EATEN = Event(
    0.0,
    "firewall",
    "payload-eaten",
    {"session": "1", "rule": "eat-blob", "action": "eat", "verb": "XEXCH50", "size": 1020, "event_id": 20031},
)


def logged(*events: Event, iis: bool = False, protocol_logging: bool = True) -> tuple[Entry, ...]:
    return entries(
        events,
        Calendar(START, lambda: 0.0),
        HOSTS,
        sender_system="iis" if iis else "exchange",
        protocol_logging=protocol_logging,
    )


@pytest.mark.parametrize(
    ("event_id", "event", "iis"),
    [
        (7004, REFUSED, False),
        (7002, REFUSED_FOR_NOW, False),
        (7010, REFUSING, False),
        (4006, DROPPED, False),
        (4000, DROPPED, True),
        (20031, EATEN, False),
    ],
)
def test_each_event_text_is_that_of_its_golden_file(event_id: int, event: Event, iis: bool) -> None:
    (entry,) = logged(event, iis=iis)
    assert entry.event_id == event_id
    assert as_text([entry]) == (GOLDEN / f"{event_id}.txt").read_text(encoding="utf-8")


def test_the_dump_has_twelve_octets_without_the_last_figure() -> None:
    (entry,) = logged(EATEN)
    assert entry.data == b"XEXCH50 1020"
    assert entry.as_dict()["data"] == "584558434835302031303230"


@pytest.mark.parametrize(
    ("fields", "octets"),
    [
        ({"verb": "XEXCH50", "size": 1_073_741_824}, b"XEXCH50 1073"),
        ({"verb": "XEXCH50", "size": 96}, b"XEXCH50 96"),
        ({"verb": "X-LINK2STATE"}, b"X-LINK2STATE"),
        ({"verb": "unknown"}, b""),
        ({}, b""),
    ],
)
def test_a_dump_shows_no_more_than_the_record_tells(fields: dict[str, object], octets: bytes) -> None:
    assert command_start(fields) == octets


def test_a_log_without_protocol_logging_has_neither_7004_nor_7010() -> None:
    told = logged(REFUSED, REFUSING, DROPPED, EATEN, protocol_logging=False)
    assert [entry.event_id for entry in told] == [4006, 20031]


def test_an_event_id_without_a_text_makes_no_entry() -> None:
    other = Event(0.0, "firewall", "command-closed", {"rule": "r", "verb": "EHLO", "event_id": 999})
    none = Event(0.0, "firewall", "command-closed", {"rule": "r", "verb": "EHLO"})
    assert logged(other, none) == ()


def test_silence_makes_no_entry() -> None:
    assert logged(Event(600.0, "sender", "connection-timed-out", DROPPED.fields)) == ()


def test_entries_keep_the_order_of_events_and_carry_host_and_date() -> None:
    later = Event(60.0, "firewall", "payload-eaten", EATEN.fields)
    first, second = logged(REFUSED, later)
    assert [(first.host, first.date), (second.host, second.date)] == [
        ("sender", START),
        ("firewall", START + timedelta(seconds=60)),
    ]


def test_an_entry_as_plain_values() -> None:
    (entry,) = logged(DROPPED)
    assert entry.as_dict() == {
        "time": 0.0,
        "date": "2004-01-13T17:23:43-08:00",
        "host": "sender",
        "computer": "COMPUTERNAME",
        "source": "MSExchangeTransport",
        "category": "Connection Manager",
        "type": "Warning",
        "event_id": 4006,
        "user": "N/A",
        "description": "The connection was dropped by the remote host.",
        "data": "",
    }
