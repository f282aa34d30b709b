"""Where payloads end: text ended by CRLF.CRLF, and counted octets.

Both readers are fed slices of the stream and say how far the payload reaches; neither keeps more than four octets.
Only CRLF.CRLF ends text (RFC 5321 4.1.1.4). The near misses that lenient servers take for an end are SMTP smuggling
(CVE-2023-51764 and its kin) and are reported, never obeyed.
"""

from __future__ import annotations

import re
from typing import NamedTuple

import stringzilla

END = b"\r\n.\r\n"
_TAIL = 4
_DOT = b"."[0]
_LINE_ENDS = frozenset(b"\r\n\0")


class NearEnd(NamedTuple):
    """A dot between line ends that are not CRLF: the octet that shows it, and the form, such as ``LF . CR``."""

    octet: int
    form: str


def undecided(tail: bytes) -> int:
    """Octets at the end of a text so far that may yet turn out an end of data, the real one or a smuggled one.

    ``tail``: at least its last four octets.
    """
    if tail[-1] == _DOT:
        return 1 if tail[-2] in _LINE_ENDS else 0
    return 2 if tail.endswith(b"\r\n.\r") else 0


# One pattern a form; where in it the dot stands, and how far behind that the octet that shows it. A NUL is nothing to a
# server that drops it: with one on either side the dot may stand alone. Each begins with octets that are searched for
# as such: one that looked behind first would be tried at every octet.
_FORMS = tuple(
    (form, re.compile(pattern), dot, shown)
    for form, pattern, dot, shown in (
        ("CR LF . LF", rb"\r\n\.\n", 2, 1),
        ("CR LF . NUL", rb"\r\n\.\0", 2, 1),
        ("CR LF . CR", rb"\r\n\.\r[^\n]", 2, 2),
        ("LF . CR", rb"\n(?<!\r\n)\.\r", 1, 1),
        ("LF . LF", rb"\n(?<!\r\n)\.\n", 1, 1),
        ("LF . NUL", rb"\n(?<!\r\n)\.\0", 1, 1),
        ("CR . CR", rb"\r\.\r", 1, 1),
        ("CR . LF", rb"\r\.\n", 1, 1),
        ("CR . NUL", rb"\r\.\0", 1, 1),
        ("NUL . CR", rb"\0\.\r", 1, 1),
        ("NUL . LF", rb"\0\.\n", 1, 1),
        ("NUL . NUL", rb"\0\.\0", 1, 1),
    )
)


class TextReader:
    """Reads text after DATA. ``size`` counts its octets as on the wire, without the final dot line.

    ``smuggled`` names the forms of smuggled ends seen so far, each once; ``fresh`` holds those of the last slice, in
    the order of the octets.
    """

    __slots__ = ("_tail", "fresh", "size", "smuggled")

    def __init__(self) -> None:
        # The CRLF of the DATA line itself may be the first of CRLF.CRLF: an empty message.
        self._tail = b"\r\n"
        self.size = 0
        self.smuggled: list[str] = []
        self.fresh: list[NearEnd] = []

    def feed(self, data: bytes, start: int = 0) -> int:
        """The index in ``data`` just behind CRLF.CRLF, or -1 when the text goes on."""
        end = self.look(data, start)
        self.take(data, start, end)
        return end

    def look(self, data: bytes, start: int = 0) -> int:
        """What ``feed`` would give, and ``fresh``; to be looked at again unless it is taken."""
        if self.fresh:
            self.fresh = []
        end = self._across(data, start)
        return end if end >= 0 else self._within(data, start)

    def take(self, data: bytes, start: int, end: int) -> None:
        """The slice of ``data`` that was looked at last, up to ``end``, is read."""
        if self.fresh:
            self.smuggled += [near.form for near in self.fresh]
        stop = end if end >= 0 else len(data)
        length = stop - start
        self.size += length
        if end >= 0:
            # The dot line is no part of the message; the CRLF before it is.
            self.size -= len(END) - 2
        elif length >= _TAIL:
            self._tail = data[stop - _TAIL : stop]
        else:
            self._tail = (self._tail + data[start:stop])[-_TAIL:]

    @property
    def tail(self) -> bytes:
        """The last octets of what was fed, four where there were so many; CRLF at first."""
        return self._tail

    def _across(self, data: bytes, start: int) -> int:
        """An end, or a smuggled one, that lies over the seam between the last slice and this one."""
        tail = self._tail
        seam = tail + data[start : start + _TAIL]
        if seam.find(b".", 2) < 0:
            return -1
        end = self._ends(seam, 0, start - len(tail))
        return -1 if end < 0 else start + end - len(tail)

    def _within(self, data: bytes, start: int) -> int:
        """The same for what lies in ``data``; dots that need the octets before ``start`` are the seam's."""
        # One octet is found with memchr, for next to nothing: most chunks of base64 end here.
        if data.find(b".", start + 2) < 0:
            return -1
        dot = _dot_alone(b"\n.", data, start, len(data))
        end = dot + 3 if dot >= 0 and data[dot - 2 : dot + 3] == END else -1
        stop = end if end >= 0 else len(data)
        if (
            (dot >= 0 and end < 0)
            or _dot_alone(b"\r.", data, start, stop) >= 0
            or (data.find(b"\0", start, stop) >= 0 and _dot_alone(b"\0.", data, start, stop) >= 0)
        ):
            return self._ends(data, start, 0)
        return end

    def _ends(self, data: bytes, start: int, shift: int) -> int:
        """The end in ``data``, where its dot has two octets before it from ``start`` on; smuggled ones before it are
        noted, ``shift`` octets on. Each form is searched for until it is found: a text full of them costs no more."""
        at = stringzilla.find(data, END, start)
        end = at + len(END) if at >= 0 else -1
        stop = end if end >= 0 else len(data)
        known = {*self.smuggled, *(near.form for near in self.fresh)}
        found = []
        for form, pattern, dot, shown in _FORMS:
            if form not in known and (match := pattern.search(data, start + 2 - dot, stop)):
                found.append(NearEnd(match.start() + dot + shown + shift, form))
        self.fresh += sorted(found)
        return end


def _dot_alone(opening: bytes, data: bytes, start: int, stop: int) -> int:
    """The first dot before ``stop`` that stands between the line end of ``opening`` and another one; -1: none."""
    last = len(data) - 1
    dot: int = stringzilla.find(data, opening, start + 1, stop) + 1
    while dot > 0:
        # Behind nearly every dot that begins a line stands another one, or a letter.
        if dot < last and data[dot + 1] in _LINE_ENDS:
            return dot
        dot = stringzilla.find(data, opening, dot, stop) + 1
    return -1


class CountedReader:
    """Reads exactly so many octets: a BDAT chunk or an XEXCH50 blob."""

    __slots__ = ("left", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.left = size

    def feed(self, data: bytes, start: int = 0) -> int:
        """The index in ``data`` just behind the last counted octet, or -1 when more are to come."""
        have = len(data) - start
        if have < self.left:
            self.left -= have
            return -1
        end = start + self.left
        self.left = 0
        return end
