"""The sample message of the mail acceptance tests. Its words are ours. Pure: date and number are given."""

from __future__ import annotations

from smtpguard.analyzer.target import Target

_TEXT = (
    "This is a sample message of `smtpguard analyze`. It was sent to see whether mail for this",
    "address is accepted. Nobody needs to answer it, and it may be deleted.",
)


def sample_message(target: Target, title: str, date: str, number: str) -> bytes:
    """A whole message with CRLF line ends and no line that begins with a dot; ``number`` makes its id unique."""
    lines = (
        f"From: <{target.sender}>",
        f"To: <{target.recipient}>" if "@" in target.recipient else "To: undisclosed-recipients:;",
        f"Subject: smtpguard: {title}",
        f"Date: {date}",
        f"Message-ID: <{number}@smtpguard.invalid>",
        "Auto-Submitted: auto-generated",  # RFC 3834 5: an autoresponder keeps quiet
        "",
        *_TEXT,
    )
    return "".join(f"{line}\r\n" for line in lines).encode("ascii")
