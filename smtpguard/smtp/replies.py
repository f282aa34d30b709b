"""Reply lines: their code, whether more follow, and what is wrong with them.

``ReplyReader`` collects the lines of one reply. It never raises: faults are named with the words of
``smtp.violations`` and left for the caller to judge.
"""

from __future__ import annotations

import re

HELD_REPLY = 65_536
"""Octets of one reply that the guard holds; RFC 5321 4.5.3.1.5 allows 512 a line, an EHLO list has some thirty."""


class Reply:
    """One whole reply: ``raw`` as it came, the ``code`` of its last line, the gravest ``fault`` of its lines."""

    __slots__ = ("code", "fault", "raw")

    def __init__(self, raw: bytes, code: int, fault: str = "") -> None:
        self.raw = raw
        self.code = code
        self.fault = fault

    @property
    def lines(self) -> list[bytes]:
        """Its lines, each with its line end."""
        return [line + b"\n" for line in self.raw.split(b"\n")[:-1]]

    @property
    def positive(self) -> bool:
        """Whether the code is a 2xx."""
        return 200 <= self.code < 300

    def __repr__(self) -> str:
        return f"Reply({self.code}, {len(self.lines)} lines)"


# A reply without a fault, at one go: one code from 200 to 599 on every line.
_FAULTLESS = re.compile(rb"([2-5]\d\d)(?:-[^\r\n]*\r\n\1)*(?: [^\r\n]*)?\r\n")


def faultless(data: bytes, position: int) -> tuple[int, int] | None:
    """The code of the reply that begins at ``position`` and where it ends, if it is whole and nothing is wrong."""
    match = _FAULTLESS.match(data, position)
    return (int(match[1]), match.end()) if match is not None else None


_MORE = ord("-")
_ENDS = frozenset(b" \r\n")


def code_of(line: bytes) -> int:
    """The three-digit code of a reply line, or -1 when the line has no such form."""
    if len(line) < 4 or not line[:3].isdigit() or (line[3] not in _ENDS and line[3] != _MORE):
        return -1
    return int(line[:3])


class ReplyReader:
    """Collects lines until a reply is whole. ``held`` octets wait in it."""

    __slots__ = ("_code", "_fault", "_lines", "held")

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._code = 0
        self._fault = ""
        self.held = 0

    def feed(self, line: bytes) -> Reply | None:
        """Take one line with its LF; gives the reply when this line ends it. A malformed line ends it too."""
        code = code_of(line)
        fault = ""
        if code < 0:
            fault = "malformed-reply"
        elif not 200 <= code <= 599:
            fault = "reply-code"
        elif self._lines and code != self._code:
            fault = "reply-misprint" if code // 100 == self._code // 100 else "reply-code-change"
        # The gravest fault wins: a misprint is harmless, every other one ends the reply's trust.
        if fault and self._fault in ("", "reply-misprint"):
            self._fault = fault
        if code >= 0 and line[3] == _MORE:
            self._lines.append(line)
            self.held += len(line)
            if len(self._lines) == 1:
                self._code = code
            return None
        reply = Reply(b"".join((*self._lines, line)), code, self._fault)
        self._lines = []
        self._fault = ""
        self.held = 0
        return reply

    def take(self) -> bytes:
        """Give back the octets of the lines held, and forget them."""
        raw = b"".join(self._lines)
        self._lines = []
        self.held = 0
        return raw
