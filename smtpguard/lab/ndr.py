"""Delivery status notifications as the Windows SMTP service writes them (RFC 3464 inside RFC 6522).

The failure notification follows the facts' structure and texts (6.0.3790.3959). What has no source there and is ours:
the human part's list of recipients, the order of header fields, Message-ID and Date, the return of the whole message
under the name of the original, and of the delay notification everything but its three sentences, ``Action`` and
``Will-Retry-Until``.

The original message stands inside octet for octet. A ``message/rfc822`` part that must not be re-encoded is 8bit when
the original is.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime

from smtpguard.lab.dates import mail_date

EXPIRED = "4.4.7"  # RFC 3463: delivery time expired

_CONTEXT = "335a7efd - 4523 - 00000001 - 80040546"
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

    def failure(self, mail: Undelivered, now: datetime, status: str = EXPIRED) -> bytes:
        """The NDR, as octets with CRLF."""
        fields = [f"Action: failed\r\nStatus: {status}"]
        return self._notification(mail, now, "Failure", _FAILURE_TEXT, fields)

    def delay(self, mail: Undelivered, now: datetime, retry_until: datetime) -> bytes:
        """The delay notice."""
        fields = [f"Action: delayed\r\nStatus: {EXPIRED}\r\nWill-Retry-Until: {mail_date(retry_until)}"]
        return self._notification(mail, now, "Delay", _DELAY_TEXT, fields)

    def _boundary(self, content: bytes) -> str:
        host = self._fqdn.replace("-", "?")[:_FQDN_CUT]
        while True:
            boundary = f"9B095B5ADSN=_{self._rng.getrandbits(64):016X}{self._rng.getrandbits(32):08X}{host}"
            if boundary.encode("ascii") not in content:
                return boundary

    def _notification(
        self, mail: Undelivered, now: datetime, kind: str, text: tuple[str, ...], fields: list[str]
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
            *(f"       {recipient}" for recipient in mail.recipients),
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
        for recipient in mail.recipients:
            head += [f"Final-Recipient: rfc822;{recipient}", *fields, ""]
        head += [f"--{boundary}", "Content-Type: message/rfc822"]
        if any(octet > 127 for octet in mail.content):
            head.append("Content-Transfer-Encoding: 8bit")
        head += ["", ""]
        return "\r\n".join(head).encode("latin-1") + mail.content + f"\r\n--{boundary}--\r\n".encode("ascii")
