"""Line ends inside the text of DATA: written anew so that every server reads the same lines, or only watched.

Servers differ over CR, LF and NUL that stand alone in a text (RFC 5321 2.3.8 forbids them all): to one a lone LF ends
the line, to the next it is an octet like others. ``Normaliser`` writes a text in which nothing is left to differ over;
``LineWatch`` says what is wrong with one. Both are fed slices of the text without its final dot line, and keep no more
than a few numbers between two of them.
"""

from __future__ import annotations

import re

LINE_OCTETS = 1000
"""Octets of a line of text with its CRLF, RFC 5321 4.5.3.1.6."""

_TOKEN = re.compile(rb"\r+|\n+|\0+|\.+|[^\r\n\0.]+")
_CR, _LF, _NUL, _DOT = 13, 10, 0, 46

_INSIDE, _BEHIND_CRLF, _BEHIND_OTHER = range(3)


def clean(data: bytes) -> bool:
    """Whether every CR and LF in ``data`` is half of a CRLF, and there is no NUL."""
    pairs = data.count(b"\r\n")
    return data.count(b"\n") == pairs == data.count(b"\r") and b"\0" not in data


class Normaliser:
    """Writes every line end as CRLF and leaves out NUL, so that the only end of data is the real one.

    A lone LF is a line end (as Postfix takes it), and so is a lone CR; CRs before a CRLF or LF belong to it. Where a
    line begins with a dot and the sender did not begin it with CRLF, the dot is doubled: the sender had no cause to.
    A dot that the sender put before a line which turns out to be empty goes, as RFC 5321 4.5.2 lets the receiver do.
    Clean lines stay as they are, octet for octet.
    """

    __slots__ = ("_after_cr", "_begun", "_crs", "_dot", "altered")

    def __init__(self) -> None:
        self.altered = False  # so far something was written that did not come, or did not go on as it came
        self._begun = _BEHIND_CRLF  # where the next octet stands
        self._crs = 0  # CRs that may yet belong to an LF
        self._after_cr = False  # the octet before was a CR
        self._dot = False  # a dot behind CRLF, held until its line shows another octet

    def feed(self, data: bytes) -> bytes:
        """The text written anew, as far as it can be known."""
        if not (self._crs or self._dot or self._begun == _BEHIND_OTHER) and self._passes(data):
            if data:
                self._begun = _BEHIND_CRLF if data.endswith(b"\r\n") else _INSIDE
                self._after_cr = False
            return data
        out: list[bytes] = []
        for match in _TOKEN.finditer(data):
            self._take(match[0], out)
        return b"".join(out)

    def rest(self) -> bytes:
        """What was held, as it came."""
        rest = b"." if self._dot else b"\r" * self._crs
        self._dot = False
        self._crs = 0
        return rest

    @staticmethod
    def _passes(data: bytes) -> bool:
        return clean(data) and data != b"." and not data.endswith(b"\r\n.")

    def _take(self, token: bytes, out: list[bytes]) -> None:
        first = token[0]
        if first == _CR:
            self._drop_dot()
            self._crs += len(token)
            self._after_cr = True
            return
        if first == _LF:
            self._end_lines(len(token), out)
        elif first == _NUL:
            self.altered = True
            if self._begun == _BEHIND_CRLF:
                self._begun = _BEHIND_OTHER
        else:
            self._end_lone_crs(out)
            self._write(token, first == _DOT, out)
        self._after_cr = False

    def _end_lines(self, count: int, out: list[bytes]) -> None:
        self._drop_dot()
        out.append(b"\r\n" * count)
        true = count == 1 and self._after_cr
        self.altered |= not true or self._crs > 1
        self._begun = _BEHIND_CRLF if true else _BEHIND_OTHER
        self._crs = 0

    def _drop_dot(self) -> None:
        self.altered |= self._dot
        self._dot = False

    def _end_lone_crs(self, out: list[bytes]) -> None:
        if self._crs:
            self.altered = True
            out.append(b"\r\n" * self._crs)
            self._begun = _BEHIND_OTHER
            self._crs = 0

    def _write(self, token: bytes, dots: bool, out: list[bytes]) -> None:
        if self._dot:
            out.append(b".")
            self._dot = False
        if dots and self._begun == _BEHIND_CRLF and len(token) == 1:
            self._dot = True
        else:
            if dots and self._begun == _BEHIND_OTHER:
                out.append(b".")
            out.append(token)
        self._begun = _INSIDE


class LineWatch:
    """Looks for the two things that a line of text may not have, each reported once: ``text-line-end`` and
    ``long-line``, as in ``smtp.violations``, with the index of the octet that shows it."""

    __slots__ = ("_after_cr", "_length", "_wanted")

    _ALONE = re.compile(rb"\0|\r(?=[^\n])|(?<!\r)\n")

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = {*wanted}
        self._after_cr = False
        self._length = 0

    def feed(self, data: bytes) -> list[tuple[int, str]]:
        """What is wrong in this slice, in the order of the octets."""
        found: list[tuple[int, str]] = []
        if "text-line-end" in self._wanted and (index := self._alone(data)) >= 0:
            found.append((index, "text-line-end"))
        if "long-line" in self._wanted and (index := self._too_long(data)) >= 0:
            found.append((index, "long-line"))
        self._wanted.difference_update(name for _, name in found)
        self._after_cr = data.endswith(b"\r")
        return sorted(found)

    def _alone(self, data: bytes) -> int:
        if self._after_cr and data[:1] != b"\n":
            return 0
        if not self._after_cr and clean(data):
            return -1
        start = 1 if self._after_cr else 0
        match = self._ALONE.search(data, start)
        if match is None:
            return -1
        # A CR shows itself alone with the octet behind it.
        return match.start() + (match[0] == b"\r")

    def _too_long(self, data: bytes) -> int:
        """The octet that makes a line longer than it may be; lines end at LF here, alone or not."""
        position = 0
        while end := data.rfind(b"\n", position, position + LINE_OCTETS - self._length) + 1:
            # The last line end that comes in time: the lines before it are no longer than that.
            position = end
            self._length = 0
        left = len(data) - position
        if self._length + left > LINE_OCTETS:
            return position + LINE_OCTETS - self._length
        self._length += left
        return -1
