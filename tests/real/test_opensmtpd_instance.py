"""The private OpenSMTPD takes mail straight and through the guard, and gives it back as it was sent."""

from __future__ import annotations

import smtplib

import pytest

from tests.real.contents import message
from tests.real.guard_process import GuardProcess, select
from tests.real.opensmtpd_instance import PrivateOpenSMTPD

pytestmark = pytest.mark.real


def whole_message(seed: int) -> bytes:
    """With the headers that OpenSMTPD would add."""
    head = b"Date: Thu, 25 Oct 2007 09:00:00 -0700\r\nMessage-ID: <%d@client.example>\r\n" % seed
    return head + message(20_000, seed, eight_bit=True)


def send(address: tuple[str, int], recipient: str, content: bytes) -> None:
    with smtplib.SMTP(*address, timeout=30) as client:
        assert client.sendmail("alice@client.example", [recipient], content, ["BODY=8BITMIME"]) == {}


def test_a_message_sent_straight_is_read_back_octet_for_octet(opensmtpd: PrivateOpenSMTPD, mailbox: str) -> None:
    content = whole_message(3)
    send(opensmtpd.address, mailbox, content)
    assert opensmtpd.wait_for(mailbox, 1) == [content]


def test_a_message_through_the_guard_is_the_same(opensmtpd: PrivateOpenSMTPD, mailbox: str) -> None:
    content = whole_message(4)
    guard = GuardProcess(opensmtpd.address, "pass")
    try:
        send(guard.address, mailbox, content)
        assert opensmtpd.wait_for(mailbox, 1) == [content]
        guard.sessions(1)
        assert [line["accepted"] for line in select(guard.stop(), "message")] == [True]
    finally:
        guard.close()
