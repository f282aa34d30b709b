"""Boxes that take a counted payload for something else (KB818222's rows 7 and 8): what they then do with its octets.

Whoever misreads no longer knows where a command begins, so nothing is known for certain from here on. That is what the
imitated box is like, and the record of the rule says so; no policy for protection uses it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpguard.policy.actions import Misread
from smtpguard.smtp.commands import Command
from smtpguard.smtp.verbs import HELD_LINE

if TYPE_CHECKING:
    from smtpguard.inspection.payload_flow import PayloadFlow

_NO_COMMAND = Command(b"")


class Misreader:
    """Reads everything that the client says after the payload began."""

    __slots__ = ("_action", "_flow", "_lines")

    def __init__(self, flow: PayloadFlow, action: Misread) -> None:
        self._flow = flow
        self._action = action
        self._lines = 0

    def read(self, data: bytes, position: int) -> int:
        """A reader as the flow wants one: whole lines go their way, a piece of one is held."""
        lines = self._action.into == "lines"
        end = (data.rfind(b"\n", position) if lines else data.find(b"\n", position)) + 1
        if not end:
            if len(data) - position < HELD_LINE:
                return -1
            end = len(data)
        session = self._flow.session
        session.since = session.now
        if lines:
            session.send(self._flow.peer, data[position:end])
        else:
            self._answer()
        return end

    def _answer(self) -> None:
        """Every line is an unknown command to the box, and it has a limit for those."""
        self._lines += 1
        if self._lines >= self._action.limit:
            self._flow.session.fail(self._action.last.encode("utf-8") + b"\r\n")
        else:
            self._flow.answer(_NO_COMMAND, self._action.reply.encode("utf-8") + b"\r\n")
