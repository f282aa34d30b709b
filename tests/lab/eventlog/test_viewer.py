"""Entries as Event Viewer prints them."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from smtpguard.lab.eventlog.entries import Entry
from smtpguard.lab.eventlog.viewer import as_text, dump, lines, print_entries, us_date, us_time

ENTRY = Entry(
    time=0.0,
    date=datetime(2007, 10, 25, 9, 0, 0, tzinfo=UTC),
    host="firewall",
    computer="fw1.example.net",
    source="SmtpEvt",
    category="None",
    type="Error",
    event_id=20031,
    user="N/A",
    description="An unknown SMTP command",
    data=b"XEXCH50 1020",
)


def test_the_dump_is_the_articles() -> None:
    assert dump(b"XEXCH50 1020") == [
        "0000: 58 45 58 43 48 35 30 20    XEXCH50",
        "0008: 31 30 32 30                1020",
    ]


def test_a_dump_of_any_octets() -> None:
    assert dump(b"") == []
    assert dump(b"\x00\xffA B\x7f~\xe4z") == [
        "0000: 00 FF 41 20 42 7F 7E E4    ..A B.~.",
        "0008: 7A                         z",
    ]
    assert dump(bytes(32 * 8))[-1].startswith("00f8: ")


def test_the_head_has_the_articles_columns() -> None:
    assert lines(ENTRY)[:5] == [
        "Date:     10/25/2007      Source:   SmtpEvt",
        "Time:     9:00:00 AM      Category: None",
        "Type:     Error           Event ID: 20031",
        "User:     N/A",
        "Computer: fw1.example.net",
    ]


def test_an_entry_without_data_ends_with_its_description() -> None:
    assert lines(replace(ENTRY, data=b""))[-2:] == ["Description:", "An unknown SMTP command"]


@pytest.mark.parametrize(
    ("hour", "shown"), [(0, "12:05:09 AM"), (9, "9:05:09 AM"), (12, "12:05:09 PM"), (17, "5:05:09 PM")]
)
def test_times_are_american(hour: int, shown: str) -> None:
    assert us_time(datetime(2004, 1, 3, hour, 5, 9, tzinfo=UTC)) == shown


def test_dates_are_american() -> None:
    assert us_date(datetime(2004, 1, 3, tzinfo=UTC)) == "1/3/2004"


def test_entries_are_parted_and_none_prints_nothing() -> None:
    assert as_text([]) == ""
    both = as_text([ENTRY, ENTRY])
    assert both.count("Event ID: 20031") == 2
    assert both.count("\n" + "-" * 72 + "\n") == 1


def test_the_console_gets_the_same_text_unwrapped_and_nothing_for_no_entries() -> None:
    long = replace(ENTRY, description="word " * 60 + "[red] end")
    out = io.StringIO()
    console = Console(file=out, width=40)
    print_entries([], console)
    assert out.getvalue() == ""
    print_entries([long], console)
    assert out.getvalue() == as_text([long])
