"""The conversation of one attempt as the sender saw it, in the form of the tech tip: ``-->`` sent, ``<--`` received."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Direction = Literal["-->", "<--", "---"]

_TEXT_LINES = 4  # of a message that are shown before the rest is counted


@dataclass(frozen=True, slots=True)
class Said:
    """One line; ``---`` marks what the connection did rather than what a peer said. ``time``: simulated seconds."""

    time: float
    direction: Direction
    text: str


def printable(line: bytes) -> str:
    """A line without its line end; octets that are no printable ASCII as ``\\xNN``. Blanks at the end stay."""
    return "".join(chr(octet) if 32 <= octet < 127 else f"\\x{octet:02x}" for octet in line.rstrip(b"\r\n"))


class Transcript:
    """Collects lines in order."""

    def __init__(self) -> None:
        self.lines: list[Said] = []

    def sent(self, time: float, line: bytes) -> None:
        """A command of ours."""
        self.lines.append(Said(time, "-->", printable(line)))

    def received(self, time: float, lines: list[bytes]) -> None:
        """A reply, line by line."""
        self.lines.extend(Said(time, "<--", printable(line)) for line in lines)

    def binary(self, time: float, size: int) -> None:
        """Octets that no one can read."""
        self.lines.append(Said(time, "-->", f"[{size} octets of binary]"))

    def message(self, time: float, content: bytes) -> None:
        """A message: its first lines, and how much there is of it."""
        shown = content.split(b"\r\n", _TEXT_LINES)[:_TEXT_LINES]
        self.lines.extend(Said(time, "-->", printable(line)) for line in shown)
        self.lines.append(Said(time, "-->", f"[... {len(content)} octets of message in all]"))

    def note(self, time: float, text: str) -> None:
        """What happened to the connection."""
        self.lines.append(Said(time, "---", text))
