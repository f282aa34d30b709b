"""What its reader sees of an NDR in Outlook, which shows words of its own in place of the notification's.

Known are the first line, and the last two for a message whose time ran out; what stands between, and the lines for any
other status, were not found, so they are left out.
"""

from __future__ import annotations

from email import message_from_bytes

from smtpguard.lab.queue.fate import Notification
from smtpguard.lab.queue.ndr import EXPIRED

UNREACHED = "Your message did not reach some or all of the intended recipients."
TIME_LIMIT = "Could not deliver the message in the time limit specified. Please retry or contact your administrator."
LEFT_OUT = "[...]"


def outlook_lines(notification: Notification) -> tuple[str, ...]:
    """The lines, ``LEFT_OUT`` among them; none where the words for this status are not known."""
    if notification.status != EXPIRED:
        return ()
    return UNREACHED, LEFT_OUT, TIME_LIMIT, f"<{_reporter(notification.eml)} #{notification.status}>"


def _reporter(eml: bytes) -> str:
    """The host of Reporting-MTA."""
    for part in message_from_bytes(eml).walk():
        named = str(part.get("Reporting-MTA", ""))
        if named:
            return named.partition(";")[2].strip()
    return ""
