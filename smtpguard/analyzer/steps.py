"""One step of a session: what was sent, what came back, and what kept it from its reply. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from smtpguard.smtp.replies import Reply

Name = str
"""The sessions' own steps are ``NAMES``; a probe gives its steps names that say what it tried."""

NAMES = ("lookup", "connect", "banner", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "message", "BDAT", "QUIT")

# unresolved: the name has no address; null-mx: its domain takes no mail; no-dns: DNS did not say.
# refused, unreachable: no connection. silent: no whole reply before the deadline. closed: the connection
# ended first. babbling: more octets than a reply may have, or octets that no command asked for in a reply's place.
# garbled: a line that is no reply line. late: the time for the whole run was over.
Failure = Literal[
    "", "unresolved", "null-mx", "no-dns", "refused", "unreachable", "silent", "closed", "babbling", "garbled", "late"
]


@dataclass(frozen=True, slots=True)
class Step:
    """``received`` is every octet that came for this step, ``unasked`` what lay there before it was sent.

    ``code`` is 0 without a whole reply; ``seconds`` the time from sending to the reply or to giving up. ``detail`` is
    a system's own words for a failed connection.
    """

    name: Name
    sent: bytes = b""
    received: bytes = b""
    code: int = 0
    fault: str = ""
    failure: Failure = ""
    seconds: float = 0.0
    unasked: bytes = b""
    detail: str = ""

    @property
    def accepted(self) -> bool:
        """Whether the server said yes: 2xx, or 354 to DATA."""
        return not self.failure and (200 <= self.code < 300 or (self.name == "DATA" and self.code == 354))

    @property
    def reply(self) -> Reply:
        """What came back, as a reply."""
        return Reply(self.received, self.code, self.fault)

    @property
    def last_line(self) -> str:
        """The last line that came back, without its line end; empty when nothing came."""
        lines = self.received.splitlines()
        return shown(lines[-1]) if lines else ""

    @property
    def outcome(self) -> str:
        """How it ended, in plain words."""
        if not self.failure:
            return self.last_line if self.name not in ("lookup", "connect") else self.detail or "connected"
        return _PLAIN[self.failure].format(seconds=self.seconds, octets=len(self.received), detail=self.detail).strip()


_PLAIN: dict[str, str] = {
    "unresolved": "the name has no address: {detail}",
    "null-mx": "the domain takes no mail: {detail}",
    "no-dns": "DNS did not say: {detail}",
    "refused": "nothing listens there: {detail}",
    "unreachable": "no connection: {detail}",
    "silent": "no whole reply in {seconds:.0f} seconds ({octets} octets came)",
    "closed": "the server closed the connection {detail}",
    "babbling": "the server talks without end ({octets} octets without a reply that fits)",
    "garbled": "what came back is no SMTP reply",
    "late": "the time for the whole run was over",
}


def named(steps: tuple[Step, ...], name: Name) -> Step | None:
    """The step ``name``, the last where there are several, or None when the session did not come so far."""
    return next((step for step in reversed(steps) if step.name == name), None)


def shown(octets: bytes, longest: int = 200) -> str:
    """``octets`` so that a terminal can show them: ASCII, nothing that moves a cursor, cut after ``longest``."""
    text = "".join(chr(o) if 32 <= o < 127 else f"\\x{o:02x}" for o in octets[:longest])
    return text if len(octets) <= longest else f"{text} ... ({len(octets)} octets)"
