"""What becomes of a payload's octets on their way to the server: passed, swallowed, cut, sliced, capped, normalised.

A sink is chosen by the rules once, where the payload begins; the reader that frames the payload stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from smtpguard.policy.rulebook import Rule
from smtpguard.smtp.line_ends import Normaliser


@dataclass(slots=True)
class Sink:
    """One fate.

    ``keep``: octets that may still pass, None for all; ``cut``: some were in fact withheld; ``piece``: octets of a
    slice, 0 for whole; ``pause``: seconds between two slices; ``rule``: whose doing it is, while it is unrecorded;
    ``normaliser``: writes the line ends of a text anew.
    """

    keep: int | None = None
    piece: int = 0
    pause: float = 0.0
    rule: Rule | None = None
    cut: bool = False
    normaliser: Normaliser | None = None

    def take(self, data: bytes) -> bytes:
        """The part of ``data`` that passes."""
        if self.keep is None:
            return data
        passed = data[: self.keep]
        self.keep -= len(passed)
        self.cut |= len(passed) < len(data)
        return passed


OPEN = Sink()
"""Everything passes: shared, since it never changes."""
