"""The sample message: whole lines, no dot at a line's begin, nothing that answers it."""

from __future__ import annotations

from email import message_from_bytes

from smtpguard.analyzer.sample import sample_message
from smtpguard.analyzer.target import Target


def test_the_message_is_well_formed() -> None:
    target = Target("mx", recipient="postmaster@example.net")
    octets = sample_message(target, "mail acceptance test", "Thu, 25 Oct 2007 09:00:00 -0700", "7.1")
    assert octets.endswith(b"\r\n")
    assert octets.count(b"\n") == octets.count(b"\r\n") == octets.count(b"\r")
    assert not any(line.startswith(b".") for line in octets.split(b"\r\n"))
    message = message_from_bytes(octets)
    assert message["From"] == "<ExMFA-MailAcceptTest@Fabrikam.com>"
    assert message["To"] == "<postmaster@example.net>"
    assert message["Message-ID"] == "<7.1@smtpguard.invalid>"
    assert message["Auto-Submitted"] == "auto-generated"


def test_a_recipient_without_a_domain_is_no_header_address() -> None:
    octets = sample_message(Target("mx"), "t", "Thu, 25 Oct 2007 09:00:00 -0700", "7")
    assert message_from_bytes(octets)["To"] == "undisclosed-recipients:;"
