"""The words that the guard says in its own name: replies, and the names of decision records.

All texts here are ours, none is a quotation. A rule's id stands in brackets behind a text, so that an NDR that quotes
the reply leads back to the rule.
"""

from __future__ import annotations

from smtpguard.smtp.violations import Violation

_PARTICIPLES = {
    "pass": "passed",
    "record": "recorded",
    "strip": "stripped",
    "mask": "masked",
    "advertise": "advertised",
    "reject": "rejected",
    "rewrite": "rewritten",
    "eat": "eaten",
    "cap": "capped",
    "truncate": "truncated",
    "misread": "misread",
    "normalise": "normalised",
    "delay": "delayed",
    "slice": "sliced",
    "close": "closed",
    "reset": "reset",
    "drop": "dropped",
    "tunnel": "tunnelled",
}

BAD_LINE = b"500 5.5.2 Line end, NUL or CR where SMTP allows none\r\n"
TOO_MANY_REFUSED = b"421 4.7.0 Too many refused commands, closing\r\n"
TOO_MANY_BAD_LINES = b"421 4.7.0 Too many malformed lines, closing\r\n"
TURN_REFUSED = b"502 5.5.1 Turning is not allowed here\r\n"
UPSTREAM_GONE = b"421 4.4.1 The server behind this guard is gone, try again later\r\n"
TIMED_OUT = b"421 4.4.2 Waited too long, closing\r\n"
STILL_OWED = b"421 4.5.0 Closing: a reply of this guard is still owed\r\n"
CHUNK_MISSING = b"503 5.5.1 A chunk before this one was refused, RSET first\r\n"
TOO_MANY_SESSIONS = b"421 4.3.2 Too many connections here, try again later\r\n"
TOO_MANY_OF_YOURS = b"421 4.7.0 Too many connections from your address or network, try again later\r\n"
TOO_BUSY = b"421 4.3.2 Too busy, try again later\r\n"
TOO_SLOW = b"421 4.4.2 Too slow, closing\r\n"
SHUTTING_DOWN = b"421 4.3.2 Shutting down, try again later\r\n"
OWN_TLS_READY = b"220 2.0.0 Ready to start TLS\r\n"
STARTTLS_REFUSED = b"454 4.7.0 TLS is not available here\r\n"
ANONYMOUS_TLS_REFUSED = b"502 5.5.1 X-ANONYMOUSTLS is not implemented here\r\n"
STARTTLS_STRIPPED = b"502 5.5.1 STARTTLS is not implemented here\r\n"
STARTTLS_ARGUMENT = b"501 5.5.4 STARTTLS takes no argument\r\n"
TLS_ALREADY = b"503 5.5.1 TLS is active already\r\n"
TLS_TOO_LATE = b"503 5.5.1 STARTTLS comes behind EHLO, before AUTH and MAIL\r\n"
TLS_FAILED = b"454 4.7.0 TLS with the server behind this guard failed, closing\r\n"
HELLO_FIRST = b"503 5.5.1 EHLO first: what was said before TLS does not count\r\n"
UNSHARED_VERB = b"502 5.5.1 This verb is not for clients\r\n"


def reply_line(code: int, enhanced: str, text: str, rule: str, exact: bool = False) -> bytes:
    """One reply line of a rule's own; its id behind the text unless ``exact``."""
    words = [str(code), enhanced, text, "" if exact else f"[{rule}]"]
    return " ".join(word for word in words if word).encode("utf-8", "replace") + b"\r\n"


def closing_reply(enhanced: str, text: str, rule: str, code: int | None = 421, exact: bool = False) -> bytes:
    """The last reply before a close; b"" when ``code`` is None: some boxes close without a word."""
    return b"" if code is None else reply_line(code, enhanced, text, rule, exact)


def uncertain_reply(violation: Violation) -> bytes:
    """The 421 of a session that ends because the guard can't know what the peers take the next octets for."""
    return f"421 4.5.0 Closing: {violation.summary} [{violation.name}]\r\n".encode()


def decision_name(where: str, action: str) -> str:
    """The event name of a decision, such as ``keyword-stripped``."""
    return f"{where}-{_PARTICIPLES[action]}"
