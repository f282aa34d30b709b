"""A receiver of the tests' own that counts: pure, octets in, answers out, as strict or as lenient as it is told.

``strict`` ends lines at CRLF and data at CRLF.CRLF, as RFC 5321 wants it. ``lf`` ends a line at any LF and drops CRs
before it; ``cr`` ends it at CR, LF or CRLF; both drop NUL. These are the ways in which servers that fell for SMTP
smuggling read. It answers every command with its name, takes every message, and knows BDAT and XEXCH50, whose octets
it counts.
"""

from __future__ import annotations

import re
from typing import Literal

Reading = Literal["strict", "lf", "cr"]
READINGS: tuple[Reading, ...] = ("strict", "lf", "cr")

GREETING = b"220 mx.example ESMTP\r\n"
KEYWORDS = (b"PIPELINING", b"SIZE", b"CHUNKING", b"X-LINK2STATE", b"XEXCH50", b"STARTTLS", b"AUTH LOGIN")


class Receiver:
    """``messages`` are the texts that it took, ``commands`` the lines that it obeyed, ``blobs`` what XEXCH50 brought;
    ``gone`` after QUIT."""

    def __init__(self, reading: Reading = "strict") -> None:
        self.messages: list[bytes] = []
        self.commands: list[bytes] = []
        self.blobs: list[bytes] = []
        self.gone = False
        self._reading = reading
        self._buffer = b""
        self._text: list[bytes] | None = None
        self._left = 0
        self._counted: list[bytes] = []
        self._reply_to_counted = b""
        self._state = ""
        self._after_cr = False

    def receive(self, data: bytes) -> bytes:
        """Take what arrived; the octets of all answers to it."""
        self._buffer += data
        answers = b""
        while not self.gone:
            answer = self._counting() if self._left else self._line()
            if answer is None:
                break
            answers += answer
        return answers

    # --- reading -----------------------------------------------------------------------------------------------

    def _counting(self) -> bytes | None:
        if not self._buffer:
            return None
        part, self._buffer = self._buffer[: self._left], self._buffer[self._left :]
        self._counted.append(part)
        self._left -= len(part)
        return b"" if self._left else self._counted_out()

    def _line(self) -> bytes | None:
        found = {"strict": self._strictly, "lf": self._at_lf, "cr": self._at_any}[self._reading]()
        if found is None:
            return None
        return self._obey(found) if self._text is None else self._take_text(found)

    def _strictly(self) -> bytes | None:
        line, end, rest = self._buffer.partition(b"\r\n")
        if not end:
            return None
        self._buffer = rest
        return line

    def _at_lf(self) -> bytes | None:
        line, end, rest = self._buffer.partition(b"\n")
        if not end:
            return None
        self._buffer = rest
        return line.rstrip(b"\r").replace(b"\0", b"").rstrip(b"\r")

    def _at_any(self) -> bytes | None:
        if self._after_cr and self._buffer:
            self._after_cr = False
            self._buffer = self._buffer.removeprefix(b"\n")
        match = re.search(rb"[\r\n]", self._buffer)
        if match is None:
            return None
        line, self._buffer = self._buffer[: match.start()], self._buffer[match.end() :]
        self._after_cr = match[0] == b"\r"
        return line.replace(b"\0", b"")

    # --- answering ---------------------------------------------------------------------------------------------

    def _take_text(self, line: bytes) -> bytes:
        assert self._text is not None
        if line != b".":
            self._text.append(line.removeprefix(b"."))
            return b""
        self.messages.append(b"\r\n".join(self._text))
        self._text = None
        self._state = "hello"
        return b"250 2.0.0 Taken\r\n"

    def _counted_out(self) -> bytes:
        octets, self._counted = b"".join(self._counted), []
        reply = self._reply_to_counted
        if reply.startswith(b"250 XEXCH50"):
            self.blobs.append(octets)
        elif reply.startswith(b"250 2.0.0 Taken"):
            self.messages.append(octets)
            self._state = "hello"
        return reply

    def _obey(self, line: bytes) -> bytes:
        self.commands.append(line)
        words = line.upper().split() or [b""]
        verb = words[0]
        if verb == b"EHLO":
            self._state = "hello"
            return b"250-mx.example\r\n" + b"".join(b"250-" + word + b"\r\n" for word in KEYWORDS) + b"250 OK\r\n"
        if verb in (b"HELO", b"RSET"):
            self._state = "hello"
        elif verb == b"MAIL":
            self._state = "mail"
        elif verb == b"RCPT":
            if self._state not in ("mail", "rcpt"):
                return b"503 5.5.1 MAIL first\r\n"
            self._state = "rcpt"
        elif verb == b"QUIT":
            self.gone = True
            return b"221 2.0.0 Bye\r\n"
        elif verb in (b"DATA", b"BDAT", b"XEXCH50"):
            return self._payload(verb, words[1:])
        elif verb == b"STARTTLS":
            return b"454 4.7.0 Not now\r\n"
        elif verb not in (b"NOOP", b"VRFY", b"HELP", b"X-LINK2STATE"):
            return b"500 5.5.1 What\r\n"
        return b"250 2.0.0 " + verb + b" OK\r\n"

    def _payload(self, verb: bytes, words: list[bytes]) -> bytes:
        ready = self._state == "rcpt"
        if verb == b"DATA":
            if ready:
                self._text = []
            return b"354 Go\r\n" if ready else b"503 5.5.1 RCPT first\r\n"
        if not words or not words[0].isdigit():
            return b"501 5.5.4 Size\r\n"
        size = int(words[0])
        if verb == b"XEXCH50" and not ready:
            return b"503 5.5.1 RCPT first\r\n"
        last = words[1:] == [b"LAST"]
        self._reply_to_counted = b"250 XEXCH50 OK\r\n"
        if verb == b"BDAT":
            taken = b"250 2.0.0 Taken\r\n" if last else b"250 2.0.0 More\r\n"
            self._reply_to_counted = taken if ready else b"503 5.5.1 RCPT first\r\n"
        self._left = size
        go_on = b"354 Send binary data\r\n" if verb == b"XEXCH50" else b""
        return go_on if size else go_on + self._counted_out()
