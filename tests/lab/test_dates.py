"""Dates from a fixed start and simulated seconds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from smtpguard.lab.dates import Calendar, mail_date

PACIFIC = timezone(timedelta(hours=-7))
START = datetime(2007, 10, 25, 9, 0, 0, tzinfo=PACIFIC)


def test_the_calendar_follows_the_clock() -> None:
    seconds = 0.0
    calendar = Calendar(START, lambda: seconds)
    assert calendar.now() == START
    seconds = 172_800.0
    assert mail_date(calendar.now()) == "Sat, 27 Oct 2007 09:00:00 -0700"
    assert mail_date(calendar.at(60)) == "Thu, 25 Oct 2007 09:01:00 -0700"


def test_the_day_is_not_padded_and_a_month_can_end() -> None:
    assert mail_date(START + timedelta(days=7)) == "Thu, 1 Nov 2007 09:00:00 -0700"
    assert mail_date(datetime(2008, 2, 29, 0, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))) == (
        "Fri, 29 Feb 2008 00:00:00 +0530"
    )
