"""The rows of a ladder: what one end said and heard, what reached the other, and what a box did between.

The near end opened the connection. Without a box between, every row passes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["open", "command", "reply", "blob", "message", "secret", "octets", "close"]

GREETING = ""  # the verb that the banner answers


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a side did. ``verb``: the command that it is, answers or follows; ``data``: the octets.

    ``time`` is in seconds since a beginning; ``from_client``: from the near end.
    """

    time: float
    from_client: bool
    kind: Kind
    lines: tuple[str, ...] = ()
    verb: str = GREETING
    data: bytes = b""

    @property
    def is_payload(self) -> bool:
        """Whether it follows a command rather than being one."""
        return self.kind in ("blob", "message", "secret")


@dataclass(frozen=True, slots=True)
class Note:
    """One box on a ladder. ``by_rule``: a rule's doing; else something that was noticed."""

    lines: tuple[str, ...]
    by_rule: bool


@dataclass(slots=True)
class Row:
    """``sender`` is the item on the near end's leg, ``receiver`` on the far end's; both when it passed unchanged."""

    sender: Item | None
    receiver: Item | None
    notes: list[Note] = field(default_factory=list)

    @property
    def item(self) -> Item:
        """What is drawn."""
        found = self.sender if self.sender is not None else self.receiver
        assert found is not None  # noqa: S101 - a row is made of an item
        return found

    @property
    def time(self) -> float:
        """Seconds since a beginning."""
        return self.item.time

    @property
    def passed(self) -> bool:
        """Whether it stands on both legs."""
        return self.sender is not None and self.receiver is not None


@dataclass(frozen=True, slots=True)
class Ladder:
    """One connection. ``firewall``: whether a box stands between; ``left_out``: items not drawn."""

    number: int
    firewall: bool
    rows: tuple[Row, ...]
    left_out: int
