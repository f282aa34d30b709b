"""Delivery status notifications as the Windows SMTP service writes them (RFC 3464 inside RFC 6522).

The failure notification follows the facts' structure and texts (6.0.3790.3959). ``OURS`` names what has no source
there. A recipient that a server refused has that reply as its Diagnostic-Code and the status that stands in it.

The original message stands inside octet for octet. A ``message/rfc822`` part that must not be re-encoded is 8bit when
the original is.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from smtpguard.lab.dates import mail_date

EXPIRED = "4.4.7"  # RFC 3463: delivery time expired
UNDEFINED = "5.0.0"  # RFC 3463: permanent, and nothing more is known

OURS = (
    "recipient-list",  # in the human part
    "field-order",
    "date",
    "message-id",
    "preamble",
    "diagnostic-code",
    "delay-subject",
    "delay-status",
    "delay-structure",  # all of it but its three sentences, Action and Will-Retry-Until
)

_ENHANCED = re.compile(r"[0-9]{3}[ -](5\.[0-9]{1,3}\.[0-9]{1,3})(?: |$)")
_CONTEXT = "335a7efd - 4523 - 00000001 - 80040546"
_NO_TEXT = re.compile(r"[^\t -~]")
_LONGEST_LINE = 998  # RFC 5322 2.1.1
_FQDN_CUT = 23  # octets of the host name in the boundary; where Windows cuts it was not found

_FAILURE_TEXT = (
    "This is an automatically generated Delivery Status Notification.",
    "",
    "Delivery to the following recipients failed.",
    "",
)
_DELAY_TEXT = (
    "This is an automatically generated Delivery Status Notification.",
    "",
    "THIS IS A WARNING MESSAGE ONLY.",
    "",
    "YOU DO NOT NEED TO RESEND YOUR MESSAGE.",
    "",
    "Delivery to the following recipients has been delayed.",
    "",
)


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What a notification is about; ``arrived`` is when the message entered the queue."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    arrived: datetime


class Notifier:
    """Writes notifications in the name of ``fqdn``; ``rng`` gives boundaries and ids, so a seed gives the same ones."""

    def __init__(self, fqdn: str, rng: random.Random) -> None:
        self._fqdn = fqdn
        self._domain = fqdn.partition(".")[2] or fqdn
        self._rng = rng

    def failure(
        self, mail: Undelivered, now: datetime, status: str = EXPIRED, replies: Mapping[str, str] | None = None
    ) -> bytes:
        """The NDR, as octets with CRLF. ``replies``: recipient -> reply, for those that a server refused."""
        refused = replies or {}
        blocks = []
        for recipient in mail.recipients:
            block = [f"Final-Recipient: rfc822;{recipient}", "Action: failed"]
            if recipient in refused:
                reply = refused[recipient]
                block += [f"Status: {status_of(reply)}", f"Diagnostic-Code: smtp;{_text(reply)}"[:_LONGEST_LINE]]
            else:
                block.append(f"Status: {status}")
            blocks.append(block)
        return self._notification(mail, now, "Failure", _FAILURE_TEXT, blocks)

    def delay(self, mail: Undelivered, now: datetime, retry_until: datetime) -> bytes:
        """The delay notice."""
        fields = ["Action: delayed", f"Status: {EXPIRED}", f"Will-Retry-Until: {mail_date(retry_until)}"]
        blocks = [[f"Final-Recipient: rfc822;{recipient}", *fields] for recipient in mail.recipients]
        return self._notification(mail, now, "Delay", _DELAY_TEXT, blocks)

    def _boundary(self, content: bytes) -> str:
        host = self._fqdn.replace("-", "?")[:_FQDN_CUT]
        while True:
            boundary = f"9B095B5ADSN=_{self._rng.getrandbits(64):016X}{self._rng.getrandbits(32):08X}{host}"
            if boundary.encode("ascii") not in content:
                return boundary

    def _notification(
        self, mail: Undelivered, now: datetime, kind: str, text: tuple[str, ...], blocks: list[list[str]]
    ) -> bytes:
        boundary = self._boundary(mail.content)
        head = [
            f"From: postmaster@{self._domain}",
            f"To: {mail.sender}",
            f"Date: {mail_date(now)}",
            "MIME-Version: 1.0",
            "Content-Type: multipart/report; report-type=delivery-status;",
            f'\tboundary="{boundary}"',
            f"X-DSNContext: {_CONTEXT}",
            f"Message-ID: <{self._rng.getrandbits(64):016x}@{self._fqdn}>",
            f"Subject: Delivery Status Notification ({kind})",
            "",
            "This is a MIME-formatted message.",
            "",
            f"--{boundary}",
            "Content-Type: text/plain; charset=unicode-1-1-utf-7",
            "",
            *text,
            *(f"       {recipient.replace('+', '+-')}" for recipient in mail.recipients),  # RFC 2152: + shifts
            "",
            "",
            f"--{boundary}",
            "Content-Type: message/delivery-status",
            "",
            f"Reporting-MTA: dns;{self._fqdn}",
            f"Received-From-MTA: dns;{self._fqdn}",
            f"Arrival-Date: {mail_date(mail.arrived)}",
            "",
        ]
        for block in blocks:
            head += [*block, ""]
        head += [f"--{boundary}", "Content-Type: message/rfc822"]
        if any(octet > 127 for octet in mail.content):
            head.append("Content-Transfer-Encoding: 8bit")
        head += ["", ""]
        return "\r\n".join(head).encode("latin-1") + mail.content + f"\r\n--{boundary}--\r\n".encode("ascii")


def _text(reply: str) -> str:
    """``reply`` as a header field may have it: no bare CR, no NUL, nothing beyond ASCII (RFC 3464 2.3.6)."""
    return _NO_TEXT.sub("?", reply)


def status_of(refusal: str) -> str:
    """The enhanced code of a 5xx reply, 5.0.0 where it has none (RFC 3463 2)."""
    match = _ENHANCED.match(refusal)
    return match[1] if match else UNDEFINED
