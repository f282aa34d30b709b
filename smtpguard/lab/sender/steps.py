"""The fifteen steps of KB818222, and how far one attempt came. The titles are ours; the article's are whole sentences.

The article says nothing of the message itself: BDAT or DATA stands between its steps 12 and 13, and an attempt that
fails there fails at step 13, the acknowledgement and QUIT. Where XEXCH50 is not used, steps 10 to 12 are not reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

State = Literal["ok", "failed", "not reached"]


class Step(IntEnum):
    """The article's numbers."""

    LOOK_UP = 1
    CONNECT = 2
    BANNER = 3
    EHLO = 4
    KEYWORDS = 5
    MAIL = 6
    MAIL_REPLY = 7
    RCPT = 8
    RCPT_REPLY = 9
    XEXCH50 = 10
    GO_AHEAD = 11
    BLOB = 12
    ACKNOWLEDGED = 13
    QUIT_REPLY = 14
    END = 15


TITLES: dict[Step, str] = {
    Step.LOOK_UP: "MX of the remote domain looked up",
    Step.CONNECT: "TCP connection opened",
    Step.BANNER: "banner received",
    Step.EHLO: "EHLO sent",
    Step.KEYWORDS: "list of supported commands received",
    Step.MAIL: "MAIL FROM sent",
    Step.MAIL_REPLY: "sender acknowledged",
    Step.RCPT: "RCPT TO sent",
    Step.RCPT_REPLY: "recipients acknowledged",
    Step.XEXCH50: "XEXCH50 sent",
    Step.GO_AHEAD: "354 received",
    Step.BLOB: "binary data sent",
    Step.ACKNOWLEDGED: "data acknowledged, QUIT sent",
    Step.QUIT_REPLY: "QUIT acknowledged",
    Step.END: "session ended",
}


@dataclass(frozen=True, slots=True)
class StepState:
    """One row of the report."""

    step: Step
    state: State

    def as_dict(self) -> dict[str, object]:
        """The shape of the JSON report."""
        return {"step": int(self.step), "title": TITLES[self.step], "state": self.state}


class StepBoard:
    """The steps of one attempt: all not reached until said otherwise. ``current`` is the one under way."""

    def __init__(self) -> None:
        self._states: dict[Step, State] = dict.fromkeys(Step, "not reached")
        self.current = Step.LOOK_UP

    def ok(self, step: Step) -> None:
        """The step was done."""
        self._states[step] = "ok"

    def failed(self, step: Step) -> None:
        """The step was tried, or waited for, and did not come about."""
        self._states[step] = "failed"

    def at(self, step: Step) -> None:
        """``step`` is under way; nothing is said of the one before it."""
        self.current = step

    def reach(self, step: Step) -> None:
        """The step under way is done; ``step`` is what fails if something fails now."""
        self.ok(self.current)
        self.current = step

    def give_up(self) -> None:
        """The step under way failed."""
        self.failed(self.current)

    def states(self) -> tuple[StepState, ...]:
        """All fifteen, in order."""
        return tuple(StepState(step, self._states[step]) for step in Step)
