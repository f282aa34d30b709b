"""Beginnings of conversations, so that a case starts where it gets interesting."""

from __future__ import annotations

from tests.playbook import C, Playbook, S, to_client, to_server
from tests.playbook.playbook import Factory

# Facts, section 2: the banner and replies of Exchange 2003, its hosts renamed.
BANNER = (
    b"220 mx.example Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready at  Mon, 8 Nov 2004 10:15:00 +0100\r\n"
)
EHLO_LINES = (
    b"250-mx.example Hello [198.51.100.7]", b"250-TURN", b"250-SIZE", b"250-ETRN", b"250-PIPELINING", b"250-DSN",
    b"250-ENHANCEDSTATUSCODES", b"250-8bitmime", b"250-BINARYMIME", b"250-CHUNKING", b"250-VRFY",
    b"250-X-EXPS GSSAPI NTLM LOGIN", b"250-X-EXPS=LOGIN", b"250-AUTH GSSAPI NTLM LOGIN", b"250-AUTH=LOGIN",
    b"250-X-LINK2STATE", b"250-XEXCH50", b"250 OK",
)  # fmt: skip
SENDER_OK = b"250 2.1.0 a@a.example....Sender OK\r\n"
RECIPIENT_OK = b"250 2.1.5 b@b.example \r\n"
GO_AHEAD = b"354 Start mail input; end with <CRLF>.<CRLF>\r\n"
GO_BINARY = b"354 Send binary data\r\n"
BLOB_OK = b"250 XEXCH50 OK\r\n"
QUEUED = b"250 2.6.0  <1@a.example> Queued mail for delivery\r\n"
UNRECOGNIZED = b"500 5.3.3 Unrecognized command\r\n"
TEXT = b"Message-ID: <1@a.example>\r\n\r\nHello\r\n.\r\n"
BLOB = b"\x00blob\r\n.\r\nQUIT\r\nRSET\r\n" + bytes(range(256)) * 4  # holds an end of data, commands, every octet
BLOB_LINE = b"XEXCH50 %d 2\r\n" % len(BLOB)


def ehlo_reply(*, without: tuple[bytes, ...] = ()) -> bytes:
    """The EHLO reply, without the lines whose text begins with one of ``without``."""
    return b"".join(line + b"\r\n" for line in EHLO_LINES if not line[4:].startswith(without or b"\xff"))


def greeted(factory: Factory) -> Playbook:
    """The banner has passed."""
    return Playbook(factory) >> S(BANNER) << to_client(BANNER)


def exchange(book: Playbook, line: bytes, reply: bytes) -> Playbook:
    """One command and one reply that both pass as they are."""
    return book >> C(line) << to_server(line) >> S(reply) << to_client(reply)


def helloed(factory: Factory) -> Playbook:
    """EHLO has been answered, every keyword has passed."""
    return exchange(greeted(factory), b"EHLO a.example\r\n", ehlo_reply())


def in_transaction(factory: Factory) -> Playbook:
    """One sender and one recipient have been accepted."""
    book = exchange(helloed(factory), b"MAIL FROM:<a@a.example>\r\n", SENDER_OK)
    return exchange(book, b"RCPT TO:<b@b.example>\r\n", RECIPIENT_OK)


def in_text(factory: Factory) -> Playbook:
    """The server has said 354 to DATA, and the client may send the text."""
    return exchange(in_transaction(factory), b"DATA\r\n", GO_AHEAD)


def blob_awaited(factory: Factory) -> Playbook:
    """The server has said 354 to XEXCH50, and the client knows it."""
    return exchange(in_transaction(factory), BLOB_LINE, GO_BINARY)


def delivered_by_bdat(book: Playbook) -> Playbook:
    """The message goes by BDAT in the same transaction, and is accepted."""
    message = TEXT[:-3]
    line = b"BDAT %d LAST\r\n" % len(message)
    return book >> C(line + message) << to_server(line + message) >> S(QUEUED) << to_client(QUEUED)
