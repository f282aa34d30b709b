"""Rows of a ladder."""

from __future__ import annotations

from smtpguard.pages.ladder import Item, Row

MAIL = Item(3.0, True, "command", ("MAIL FROM:<a@example.com>",), "MAIL")
BLOB = Item(4.0, True, "blob", ("[1020 octets of binary]",), "XEXCH50")


def test_a_row_is_what_stands_on_either_leg() -> None:
    assert (Row(MAIL, None).item, Row(None, MAIL).item) == (MAIL, MAIL)
    assert Row(MAIL, MAIL).time == 3.0
    assert [row.passed for row in (Row(MAIL, MAIL), Row(MAIL, None), Row(None, MAIL))] == [True, False, False]


def test_a_payload_follows_a_command() -> None:
    assert (BLOB.is_payload, MAIL.is_payload) == (True, False)
