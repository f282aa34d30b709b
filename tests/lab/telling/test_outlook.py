"""Outlook's own words for an NDR: those that are known, and no others."""

from __future__ import annotations

import random
from datetime import UTC, datetime

from smtpguard.lab.queue.fate import Notification
from smtpguard.lab.queue.ndr import Notifier, Undelivered
from smtpguard.lab.telling.outlook import outlook_lines

NOW = datetime(2007, 10, 27, 9, tzinfo=UTC)
MAIL = Undelivered("alice@example.com", ("bob@example.net",), b"Subject: hi\r\n\r\nhello\r\n", NOW)


def ndr(status: str) -> Notification:
    eml = Notifier("mail1.example.com", random.Random(1)).failure(MAIL, NOW, status)
    return Notification(172_800.0, status, eml)


def test_a_message_whose_time_ran_out() -> None:
    assert outlook_lines(ndr("4.4.7")) == (
        "Your message did not reach some or all of the intended recipients.",
        "[...]",
        "Could not deliver the message in the time limit specified. Please retry or contact your administrator.",
        "<mail1.example.com #4.4.7>",
    )


def test_words_that_were_not_found_are_not_made_up() -> None:
    assert outlook_lines(ndr("5.1.1")) == ()
