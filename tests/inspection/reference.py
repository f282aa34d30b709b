"""A conforming server, written from the RFCs alone: the second opinion on where every command begins.

It knows what DATA, BDAT, XEXCH50, AUTH and STARTTLS do to the octets behind them and shares no code with the guard.
Like Postfix it skips whatever C's isspace calls a blank.
Whether it accepts a command is drawn from ``choices``, so that a failing example shrinks towards a server that always
says yes. Every reply ends in a tag, ``#VERB`` or ``#VERB:n`` where the command carried a number, so that a test can
tell on the client's side which command a reply answers, and which replies are none of the server's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain, repeat

END = b"\r\n.\r\n"
EHLO_KEYWORDS = (
    b"SIZE 10240000", b"PIPELINING", b"8bitmime", b"CHUNKING", b"AUTH LOGIN", b"X-EXPS LOGIN", b"X-LINK2STATE",
    b"XEXCH50", b"OK",
)  # fmt: skip
REFUSALS = (b"550 5.7.1 no", b"450 4.2.0 later", b"500 5.3.3 Unrecognized command", b"504 Need to authenticate first")


class ReferenceServer:
    """``receive`` takes octets and gives what the server answers to them; ``commands`` are the lines it obeyed."""

    def __init__(self, choices: Sequence[int] = (), *, tls: bool = False) -> None:
        self._choices: Iterator[int] = chain(choices, repeat(0))
        self._tls = tls
        self._buffer = b""
        self._mode = "command"
        self._left = 0
        self._verb = b""
        self._tag = b""
        self._last = False
        self.commands: list[bytes] = []
        self.payloads: list[bytes] = []
        self.texts: list[bytes] = []
        self.messages_accepted = 0
        self.opaque = b""
        self.gone = False

    def greeting(self) -> bytes:
        """What the server says first."""
        return self._line(b"220 mx.example ESMTP", b"GREETING")

    def receive(self, data: bytes) -> bytes:
        """Take what arrived; the octets of all answers to it."""
        self._buffer += data
        answers = b""
        while not self.gone:
            answer = getattr(self, f"_read_{self._mode}")()
            if answer is None:
                break
            answers += answer
        return answers

    def _draw(self, upto: int) -> int:
        return next(self._choices) % upto

    def _line(self, text: bytes, tag: bytes) -> bytes:
        return text + b" #" + tag + b"\r\n"

    def _tell(self, text: bytes) -> bytes:
        """A reply of one line, now and then of several."""
        if self._draw(5) == 4:
            # In the first one: of a reply to EHLO the others are keywords, which a rule may strip.
            return self._line(text[:3] + b"-more to say", self._tag) + text + b"\r\n"
        return self._line(text, self._tag)

    def _agrees(self) -> bool:
        return self._draw(4) != 3

    def _refusal(self) -> bytes:
        return self._tell(REFUSALS[self._draw(len(REFUSALS))])

    def _read_command(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        line, self._buffer = self._buffer[:end], self._buffer[end + 2 :]
        self.commands.append(line)
        words = line.split(None, 1)
        self._verb = words[0].upper() if words else b""
        number = re.search(rb"n(\d+)\b", line)
        self._tag = self._verb[:20] + (b":" + number[1] if number else b"")
        match self._verb:
            case b"EHLO" if self._agrees():
                keywords = b"".join(b"250-" + word + b"\r\n" for word in EHLO_KEYWORDS[:-1])
                return self._line(b"250-mx.example", self._tag) + keywords + b"250 OK\r\n"
            case b"DATA" | b"XEXCH50" | b"BDAT" | b"AUTH" | b"X-EXPS" | b"STARTTLS":
                return getattr(self, f"_on_{self._verb.decode().lower().replace('-', '_')}")(line)
            case b"EHLO" if self._agrees():
                return self._line(b"250 mx.example", self._tag)  # no list: of more lines a policy may take some
            case b"QUIT":
                self.gone = True
                return self._tell(b"221 2.0.0 closing")
        return self._tell(b"250 2.0.0 OK") if self._agrees() else self._refusal()

    def _on_data(self, line: bytes) -> bytes:
        if not self._agrees():
            return self._refusal()
        self._mode = "text"
        self._buffer = b"\r\n" + self._buffer
        return self._tell(b"354 Start mail input; end with <CRLF>.<CRLF>")

    def _read_text(self) -> bytes | None:
        end = self._buffer.find(END)
        if end < 0:
            return None
        self.texts.append(self._buffer[2 : end + 2])
        self.payloads.append(self.texts[-1])
        self._buffer = self._buffer[end + len(END) :]
        self._mode = "command"
        return self._message()

    def _message(self) -> bytes:
        self._tag += b"+END"
        if not self._agrees():
            return self._refusal()
        self.messages_accepted += 1
        return self._tell(b"250 2.6.0 Queued mail for delivery")

    def _on_xexch50(self, line: bytes) -> bytes:
        sizes = re.fullmatch(rb"XEXCH50 +(\d{1,9}) +\d{1,9}", line, re.IGNORECASE)
        if sizes is None:
            return self._tell(b"501 5.5.4 Invalid arguments")
        if not self._agrees():
            return self._refusal()
        self._mode, self._left = "blob", int(sizes[1])
        return self._tell(b"354 Send binary data")

    def _read_blob(self) -> bytes | None:
        if not self._count():
            return None
        self._tag += b"+END"
        return self._tell(b"250 XEXCH50 OK") if self._agrees() else self._refusal()

    def _on_bdat(self, line: bytes) -> bytes:
        sizes = re.fullmatch(rb"BDAT +(\d{1,9})( +LAST)?", line, re.IGNORECASE)
        if sizes is None:
            return self._tell(b"501 5.5.4 Invalid arguments")
        self._mode, self._left, self._last = "chunk", int(sizes[1]), sizes[2] is not None
        return b""

    def _read_chunk(self) -> bytes | None:
        if not self._count():
            return None
        if self._last:
            return self._message()
        return self._tell(b"250 2.0.0 octets received") if self._agrees() else self._refusal()

    def _count(self) -> bool:
        if len(self._buffer) < self._left:
            return False
        self.payloads.append(self._buffer[: self._left])
        self._buffer = self._buffer[self._left :]
        self._mode = "command"
        return True

    def _on_auth(self, line: bytes) -> bytes:
        if not self._agrees():
            return self._refusal()
        self._mode, self._left = "sasl", 1 + self._draw(3)
        return self._tell(b"334 VXNlcm5hbWU6")

    _on_x_exps = _on_auth

    def _read_sasl(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            return None
        self.payloads.append(self._buffer[:end])
        self._buffer = self._buffer[end + 2 :]
        self._left -= 1
        if self._left:
            return self._tell(b"334 UGFzc3dvcmQ6")
        self._mode = "command"
        self._tag += b"+END"
        return self._tell(b"235 2.7.0 Authentication successful.") if self._agrees() else self._refusal()

    def _on_starttls(self, line: bytes) -> bytes:
        if not self._tls or not self._agrees():
            return self._tell(b"454 4.7.0 TLS not available")
        self._mode = "opaque"
        return self._line(b"220 2.0.0 SMTP server ready", self._tag)

    def begin_anew(self) -> None:
        """TLS is up, as far as this server can see."""
        assert self._mode == "opaque"
        assert not self.opaque
        self._mode = "command"

    def _read_opaque(self) -> bytes | None:
        self.opaque += self._buffer
        self._buffer = b""
        return None
