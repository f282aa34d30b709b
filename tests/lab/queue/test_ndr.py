"""The notifications: the failure one against its golden octets, both as Python's mail parser sees them."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.message import Message

from smtpguard.lab.queue.ndr import OURS, Notifier, Undelivered, status_of
from tests.lab.hosts import START

CONTENT = b"From: alice@example.com\r\nSubject: x\r\n\r\nhello\r\n"
MAIL = Undelivered("alice@example.com", ("bob@example.net",), CONTENT, START)
EXPIRY = START + timedelta(days=2)

GOLDEN = (
    b"From: postmaster@example.com\r\n"
    b"To: alice@example.com\r\n"
    b"Date: Sat, 27 Oct 2007 09:00:00 -0700\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: multipart/report; report-type=delivery-status;\r\n"
    b'\tboundary="9B095B5ADSN=_%(boundary)s"\r\n'
    b"X-DSNContext: 335a7efd - 4523 - 00000001 - 80040546\r\n"
    b"Message-ID: <%(identity)s@bridge-1.example.com>\r\n"
    b"Subject: Delivery Status Notification (Failure)\r\n"
    b"\r\n"
    b"This is a MIME-formatted message.\r\n"
    b"\r\n"
    b"--9B095B5ADSN=_%(boundary)s\r\n"
    b"Content-Type: text/plain; charset=unicode-1-1-utf-7\r\n"
    b"\r\n"
    b"This is an automatically generated Delivery Status Notification.\r\n"
    b"\r\n"
    b"Delivery to the following recipients failed.\r\n"
    b"\r\n"
    b"       bob@example.net\r\n"
    b"\r\n"
    b"\r\n"
    b"--9B095B5ADSN=_%(boundary)s\r\n"
    b"Content-Type: message/delivery-status\r\n"
    b"\r\n"
    b"Reporting-MTA: dns;bridge-1.example.com\r\n"
    b"Received-From-MTA: dns;bridge-1.example.com\r\n"
    b"Arrival-Date: Thu, 25 Oct 2007 09:00:00 -0700\r\n"
    b"\r\n"
    b"Final-Recipient: rfc822;bob@example.net\r\n"
    b"Action: failed\r\n"
    b"Status: 4.4.7\r\n"
    b"\r\n"
    b"--9B095B5ADSN=_%(boundary)s\r\n"
    b"Content-Type: message/rfc822\r\n"
    b"\r\n" + CONTENT + b"\r\n"
    b"--9B095B5ADSN=_%(boundary)s--\r\n"
)


def notifier() -> Notifier:
    return Notifier("bridge-1.example.com", random.Random(1))


def parts(eml: bytes) -> list[Message]:
    parsed = message_from_bytes(eml)
    assert parsed.get_content_type() == "multipart/report"
    assert parsed.get_param("report-type") == "delivery-status"
    assert not parsed.defects
    return list(parsed.get_payload())


def test_the_golden_failure() -> None:
    rng = random.Random(1)
    boundary = f"{rng.getrandbits(64):016X}{rng.getrandbits(32):08X}bridge?1.example.com".encode("ascii")
    identity = f"{rng.getrandbits(64):016x}".encode("ascii")
    assert notifier().failure(MAIL, EXPIRY) == GOLDEN % {b"boundary": boundary, b"identity": identity}


def test_three_parts_and_the_original_unchanged() -> None:
    eml = notifier().failure(MAIL, EXPIRY)
    text, status, original = parts(eml)
    assert "Delivery to the following recipients failed." in text.get_payload(decode=True).decode("utf-7")
    of_message, of_recipient = status.get_payload()
    assert of_message["Reporting-MTA"] == "dns;bridge-1.example.com"
    assert (of_recipient["Action"], of_recipient["Status"]) == ("failed", "4.4.7")
    assert original.get_content_type() == "message/rfc822"
    assert original.get_payload(0)["Subject"] == "x"
    assert b"\r\n\r\n" + CONTENT + b"\r\n--" in eml


def test_each_recipient_has_a_block() -> None:
    two = Undelivered("a@example.com", ("b@example.net", "c@example.net"), CONTENT, START)
    _, status, _ = parts(notifier().failure(two, EXPIRY, "5.1.1"))
    recipients = [block["Final-Recipient"] for block in status.get_payload()[1:]]
    assert recipients == ["rfc822;b@example.net", "rfc822;c@example.net"]
    assert {block["Status"] for block in status.get_payload()[1:]} == {"5.1.1"}


def test_the_delay_notice() -> None:
    eml = notifier().delay(MAIL, START + timedelta(hours=12), EXPIRY)
    assert message_from_bytes(eml)["Subject"] == "Delivery Status Notification (Delay)"
    text, status, _ = parts(eml)
    words = text.get_payload(decode=True).decode("utf-7")
    assert "THIS IS A WARNING MESSAGE ONLY." in words
    assert "YOU DO NOT NEED TO RESEND YOUR MESSAGE." in words
    assert "Delivery to the following recipients has been delayed." in words
    block = status.get_payload()[1]
    assert block["Action"] == "delayed"
    assert block["Will-Retry-Until"] == "Sat, 27 Oct 2007 09:00:00 -0700"


def test_a_boundary_never_occurs_in_the_original() -> None:
    rng = random.Random(1)
    taken = f"9B095B5ADSN=_{rng.getrandbits(64):016X}{rng.getrandbits(32):08X}bridge?1.example.com".encode("ascii")
    content = b"\r\n--" + taken + b"\r\n"
    eml = notifier().failure(Undelivered("a@example.com", ("b@example.net",), content, START), EXPIRY)
    assert eml.count(taken) == 1
    assert len(parts(eml)) == 3


def test_eight_bit_and_unfinished_originals_stay_as_they_are() -> None:
    content = b"Subject: \xe4\r\n\r\n\xff\x80 no line end"
    eml = notifier().failure(Undelivered("a@example.com", ("b@example.net",), content, START), EXPIRY)
    assert b"Content-Transfer-Encoding: 8bit\r\n\r\n" + content + b"\r\n--9B095B5ADSN=_" in eml
    assert len(parts(eml)) == 3


def test_a_plus_is_none_that_shifts_in_utf_7() -> None:
    report = message_from_bytes(notifier().failure(replace(MAIL, recipients=("bob+x@example.net",)), EXPIRY))
    human, machine, _ = report.get_payload()
    assert "       bob+x@example.net\r\n" in human.get_payload(decode=True).decode("utf-7")
    assert machine.get_payload()[1]["Final-Recipient"] == "rfc822;bob+x@example.net"


def test_a_refused_recipient_has_its_reply_and_the_status_in_it() -> None:
    two = Undelivered("a@example.com", ("b@example.net", "c@example.net"), CONTENT, START)
    replies = {"b@example.net": "550 5.1.1 no such user", "c@example.net": "554 no"}
    _, status, _ = parts(notifier().failure(two, EXPIRY, replies=replies))
    blocks = [(block["Status"], block["Diagnostic-Code"]) for block in status.get_payload()[1:]]
    assert blocks == [("5.1.1", "smtp;550 5.1.1 no such user"), ("5.0.0", "smtp;554 no")]


def test_the_status_of_a_reply() -> None:
    assert status_of("550 5.7.1 Unable to relay for x@y") == "5.7.1"
    assert status_of("550-5.7.1 more") == "5.7.1"
    assert status_of("550 4.7.1 odd") == "5.0.0"
    assert status_of("") == "5.0.0"


def test_what_is_ours_is_named_once() -> None:
    assert len(set(OURS)) == len(OURS)
    assert "diagnostic-code" in OURS


def test_a_reply_that_mail_cannot_carry_is_made_one_that_it_can() -> None:
    reply = "550 5.1.1 a\rSubject: b\x00c\n\xe4" + "x" * 2000
    eml = notifier().failure(MAIL, EXPIRY, replies={"bob@example.net": reply})
    (line,) = [line for line in eml.split(b"\r\n") if line.startswith(b"Diagnostic-Code: ")]
    assert line.startswith(b"Diagnostic-Code: smtp;550 5.1.1 a?Subject: b?c??xxx")
    assert len(line) == 998
    parts(eml)
