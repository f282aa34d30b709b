"""The server of the golden transcripts: Exchange 2003's words (facts that tests/lab holds the receivers to), no socket.

Takes every recipient and every blob. With ``certificate`` it offers STARTTLS, and 220 to it is the last that it says.
"""

from __future__ import annotations

import re

BANNER = (
    "220 mx1.example.net Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready at  Mon, 8 Nov 2004 10:15:00 +0100"
)
BEFORE_TLS = (
    "TURN", "SIZE", "ETRN", "PIPELINING", "DSN", "ENHANCEDSTATUSCODES", "8bitmime", "BINARYMIME", "CHUNKING", "VRFY",
)  # fmt: skip
TLS = ("TLS", "STARTTLS")
BEHIND_TLS = (
    "X-EXPS GSSAPI NTLM LOGIN", "X-EXPS=LOGIN", "AUTH GSSAPI NTLM LOGIN", "AUTH=LOGIN", "X-LINK2STATE", "XEXCH50", "OK",
)  # fmt: skip
UNRECOGNIZED = "500 5.3.3 Unrecognized command"
_REPLIES = {
    "HELO": "250 mx1.example.net Hello [198.51.100.7]",
    "NOOP": "250 2.0.0 OK",
    "RSET": "250 2.0.0 Resetting",
    "VRFY": "252 2.1.5 Cannot VRFY user, but will take message for <bob@mx1.example.net>",
    "QUIT": "221 2.0.0 mx1.example.net Service closing transmission channel",
    "DATA": "354 Start mail input; end with <CRLF>.<CRLF>",
    "XEXCH50": "354 Send binary data",
    "STARTTLS": "220 2.0.0 SMTP server ready",
}
_QUEUED = "250 2.6.0  <1@mail1.example.com> Queued mail for delivery"


class Exchange:
    """``receive`` takes octets and gives the octets of the answers."""

    def __init__(self, *, certificate: bool = False, without: tuple[str, ...] = ()) -> None:
        self._without = without
        self._certificate = certificate
        self._buffer = b""
        self._left = 0
        self._reply = ""
        self._text = False
        self.opaque = False

    def greeting(self) -> bytes:
        """What it says first."""
        return f"{BANNER}\r\n".encode()

    def receive(self, data: bytes) -> bytes:
        """Answer what has come so far."""
        self._buffer += data
        answers = b""
        while not self.opaque and (answer := self._next()) is not None:
            answers += f"{answer}\r\n".encode() if answer else b""
        return answers

    def _next(self) -> str | None:
        """The answer to the next thing in the buffer, "" where it has none; None when more must come."""
        if self._left or self._reply:
            return self._counted()
        if self._text:
            return self._until_dot()
        line, found, rest = self._buffer.partition(b"\r\n")
        if not found:
            return None
        self._buffer = rest
        return self._command(line.decode("latin-1"))

    def _counted(self) -> str | None:
        if len(self._buffer) < self._left:
            return None
        self._buffer, self._left = self._buffer[self._left :], 0
        reply, self._reply = self._reply, ""
        return reply

    def _until_dot(self) -> str | None:
        end = self._buffer.find(b"\r\n.\r\n")
        if end < 0:
            return None
        self._buffer, self._text = self._buffer[end + 5 :], False
        return _QUEUED

    def _command(self, line: str) -> str:
        verb = line.split(" ")[0].upper()
        match verb:
            case "EHLO":
                listed = (*BEFORE_TLS, *(TLS if self._certificate else ()), *BEHIND_TLS)
                words = [word for word in listed if word not in self._without]
                lines = [f"250-{_REPLIES['HELO'][4:]}", *(f"250-{word}" for word in words[:-1]), f"250 {words[-1]}"]
                return "\r\n".join(lines)
            case "MAIL":
                return f"250 2.1.0 {self._address(line)}....Sender OK"
            case "RCPT":
                return f"250 2.1.5 {self._address(line)} "
            case "BDAT" | "XEXCH50" if numbers := re.findall(r" (\d+)", line):
                self._left = int(numbers[0])
                self._reply = _QUEUED if verb == "BDAT" else "250 XEXCH50 OK"
                return "" if verb == "BDAT" else _REPLIES[verb]
            case "DATA":
                self._text = True
            case "STARTTLS":
                self.opaque = self._certificate
                return _REPLIES[verb] if self._certificate else UNRECOGNIZED
        return _REPLIES.get(verb, UNRECOGNIZED)

    def _address(self, line: str) -> str:
        return line.partition("<")[2].partition(">")[0]
