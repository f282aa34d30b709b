"""Lines out of a pipe: whole ones only, so that what several writers say never mixes inside a line."""

from __future__ import annotations

MAX_LINE = 1 << 20
"""A line that has no end by then is given up: a record is far shorter."""


class WholeLines:
    """One writer's octets."""

    def __init__(self) -> None:
        self._rest = b""
        self._given_up = False  # what is still to come of the line at hand

    def feed(self, octets: bytes) -> list[bytes]:
        """The lines that are complete now, without their ends."""
        *lines, self._rest = (self._rest + octets).split(b"\n")
        if lines and self._given_up:
            self._given_up = False
            del lines[0]
        if self._given_up or len(self._rest) > MAX_LINE:
            self._given_up = True
            self._rest = b""
        return lines

    def cut(self) -> bool:
        """The writer is gone: whether it left a line unfinished, which is dropped."""
        left, self._rest, self._given_up = bool(self._rest) or self._given_up, b"", False
        return left
