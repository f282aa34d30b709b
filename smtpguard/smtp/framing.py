"""Where payloads end: text ended by CRLF.CRLF, and counted octets.

Both readers are fed slices of the stream and say how far the payload reaches; neither keeps more than four octets.
Only CRLF.CRLF ends text (RFC 5321 4.1.1.4). The near misses that lenient servers take for an end are SMTP smuggling
(CVE-2023-51764 and its kin) and are reported, never obeyed.
"""

from __future__ import annotations

from typing import NamedTuple

import stringzilla

END = b"\r\n.\r\n"
_TAIL = 4
_CR, _LF, _NUL, _DOT = 13, 10, 0, 46
_NAMES = {_CR: "CR", _LF: "LF", _NUL: "NUL"}


class NearEnd(NamedTuple):
    """A dot between line ends that are not CRLF: the octet that shows it, and the form, such as ``LF . CR``."""

    octet: int
    form: str


def undecided(tail: bytes) -> int:
    """Octets at the end of a text so far that may yet turn out an end of data, the real one or a smuggled one.

    ``tail``: at least its last four octets.
    """
    if tail[-1] == _DOT:
        return 1 if tail[-2] in _NAMES else 0
    return 2 if tail.endswith(b"\r\n.\r") else 0


def smuggled_form(data: bytes, dot: int) -> NearEnd | None:
    """How the dot at ``data[dot]`` stands between line ends that are not CRLF; None when it does not stand so.

    Needs two octets before the dot. A verdict that would need octets behind the end of ``data`` is None for now.
    """
    before = data[dot - 1]
    if before not in _NAMES or dot + 1 >= len(data):
        return None
    after = data[dot + 1]
    if before == _LF and data[dot - 2] == _CR:
        if after in (_LF, _NUL):
            return NearEnd(dot + 1, f"CR LF . {_NAMES[after]}")
        if after == _CR and dot + 2 < len(data) and data[dot + 2] != _LF:
            return NearEnd(dot + 2, "CR LF . CR")
        return None
    # A NUL is nothing to a server that drops it: with one on either side the dot may stand alone.
    return NearEnd(dot + 1, f"{_NAMES[before]} . {_NAMES[after]}") if after in _NAMES else None


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
        dot = seam.find(b".", 2)
        while dot >= 0:
            if seam[dot - 2 : dot + 3] == END:
                return start + dot + 3 - len(tail)
            found = smuggled_form(seam, dot)
            if found is not None:
                self._note(found._replace(octet=start + found.octet - len(tail)))
            dot = seam.find(b".", dot + 1)
        return -1

    def _within(self, data: bytes, start: int) -> int:
        """The same for what lies in ``data``; dots that need the octets before ``start`` are the seam's."""
        first = start + 2
        # One octet is found with memchr, for next to nothing: most chunks of base64 end here.
        if data.find(b".", first) < 0:
            return -1
        stop = len(data)
        end = -1
        found: list[NearEnd] = []
        last = stop - 1
        dot = stringzilla.find(data, b"\n.", start + 1) + 1
        while dot > 0:
            # Behind nearly every dot that begins a line stands another one, or a letter.
            if dot < last and data[dot + 1] <= _CR:
                if data[dot - 2 : dot + 3] == END:
                    end = stop = dot + 3
                    break
                if form := smuggled_form(data, dot):
                    found.append(form)
            dot = stringzilla.find(data, b"\n.", dot) + 1
        for needle in (b"\r.", b"\0."):
            dot = stringzilla.find(data, needle, start + 1, stop) + 1
            while dot > 0:
                if form := smuggled_form(data, dot):
                    found.append(form)
                dot = stringzilla.find(data, needle, dot, stop) + 1
        for near in sorted(found):
            self._note(near)
        return end

    def _note(self, near: NearEnd) -> None:
        if near.form not in self.smuggled and all(near.form != other.form for other in self.fresh):
            self.fresh.append(near)


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
