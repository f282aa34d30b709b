"""The lines of a message as its octets stream by, for rules ``on: line``.

Nothing is held back for it: a line is judged when its last octet is known, and what a rule then says concerns the line
end and all that follows. So the octets before a verdict are the same however TCP cut the stream (law 2), and a line
without an end costs no more than ``LONGEST`` octets (law 6).
"""

from __future__ import annotations

LONGEST = 4096
"""Octets of a line that are kept. A longer one is judged when it has come so far, and not again. Ours: four times the
1,000 that RFC 5321 4.5.3.1.6 allows, and room for what a rule may look for in it."""

_DOT_LINE = b".\r"
_EMPTY = (b"", b"\r")


class LineReader:
    """Finds where in the octets of one message a line is to be judged; ``line``, ``length`` and ``section`` are its.

    ``dots``: the message is ended by a lone dot, which is no line of it.
    """

    __slots__ = ("_at_end", "_dots", "_kept", "_over", "length", "line", "section")

    def __init__(self, *, dots: bool) -> None:
        self._dots = dots
        self._kept = b""
        self._over = False
        self._at_end = False
        self.line = b""
        self.length = 0
        self.section = "header"

    def seek(self, data: bytes, position: int, stop: int) -> int:
        """The index in ``data``, from ``position`` and not past ``stop``, before whose octet a line is to be judged; -1
        where none is. Called again from there until it says -1."""
        while position < stop:
            if self._at_end:
                self._begin_line()
                position += 1
                continue
            end = data.find(b"\n", position, stop)
            upto = end if end >= 0 else stop
            room = LONGEST - len(self._kept)
            if not self._over and upto - position >= room:
                self._over = True
                return self._judged(self._kept + data[position : position + room], 0, position + room)
            if not self._over:
                self._kept += data[position:upto]
            if end < 0:
                return -1
            self._at_end = True
            position = end
            if not self._over and not (self._dots and self._kept == _DOT_LINE):
                return self._judged(self._kept, 1, end)
        return -1

    def _judged(self, kept: bytes, line_end: int, index: int) -> int:
        self.line = kept.removesuffix(b"\r")
        self.length = len(kept) + line_end
        return index

    def _begin_line(self) -> None:
        if self.section == "header" and self._kept in _EMPTY and not self._over:
            self.section = "body"
        self._kept = b""
        self._at_end = self._over = False
