"""The private Exim takes mail straight and through the guard, by DATA and by BDAT, and gives it back as it was sent."""

from __future__ import annotations

import smtplib

import pytest

from tests.real.contents import message
from tests.real.exim_receiver import PrivateEximReceiver
from tests.real.guard_process import GuardProcess, select

pytestmark = pytest.mark.real


def send(address: tuple[str, int], recipient: str, content: bytes) -> None:
    with smtplib.SMTP(*address, timeout=30) as client:
        assert client.sendmail("alice@client.example", [recipient], content) == {}


def test_a_message_sent_straight_is_read_back_octet_for_octet(exim: PrivateEximReceiver, mailbox: str) -> None:
    content = message(20_000, 3, eight_bit=True)
    send(exim.address, mailbox, content)
    assert exim.wait_for(mailbox, 1) == [content]


def test_a_message_through_the_guard_is_the_same(exim: PrivateEximReceiver, mailbox: str) -> None:
    content = message(20_000, 4, eight_bit=True)
    guard = GuardProcess(exim.address, "pass")
    try:
        send(guard.address, mailbox, content)
        assert exim.wait_for(mailbox, 1) == [content]
        guard.sessions(1)
        assert [line["accepted"] for line in select(guard.stop(), "message")] == [True]
    finally:
        guard.close()


def test_bdat_is_taken(exim: PrivateEximReceiver, mailbox: str) -> None:
    content = message(3_000, 5)
    with smtplib.SMTP(*exim.address, timeout=30) as client:
        client.ehlo("client.example")
        assert client.has_extn("CHUNKING")
        client.mail("alice@client.example")
        client.rcpt(mailbox)
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        assert client.getreply()[0] == 250
    assert exim.wait_for(mailbox, 1) == [content]
