"""Queue Viewer over time: one row a change of a queue, with the viewer's columns.

States and columns are the vendor's. The lab's queues reach Ready, Active and Retry by themselves; the other four need
a schedule, a dial-in host or an administrator's hand, none of which the lab has. How the viewer rounds to KB was not
found; here a part of a KB counts as a whole one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

QueueState = Literal["Active", "Ready", "Retry", "Scheduled", "Remote", "Frozen", "Disabled"]

_KILOBYTE = 1024


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One queue from ``time`` on. Times are simulated seconds; None where the viewer shows nothing."""

    time: float
    domain: str
    state: QueueState
    oldest_submission: float | None
    messages: int
    octets: int
    next_retry: float | None
    information: str

    @property
    def connection_state(self) -> QueueState:
        """The viewer's column Connection State, which shows the queue's state."""
        return self.state

    @property
    def kilobytes(self) -> int:
        """The viewer's column Total Msg Size (KB)."""
        return -(-self.octets // _KILOBYTE)

    def as_dict(self) -> dict[str, object]:
        """The row for JSON."""
        return {
            "time": round(self.time, 6),
            "domain": self.domain,
            "state": self.state,
            "connection_state": self.connection_state,
            "oldest_submission": None if self.oldest_submission is None else round(self.oldest_submission, 6),
            "messages": self.messages,
            "kilobytes": self.kilobytes,
            "next_retry": None if self.next_retry is None else round(self.next_retry, 6),
            "information": self.information,
        }


class QueueViewer:
    """Collects rows; what did not change since a domain's last row makes no new one."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._rows: list[QueueRow] = []
        self._last: dict[str, tuple[object, ...]] = {}

    def show(
        self,
        domain: str,
        state: QueueState,
        waiting: list[tuple[float, int]],
        next_retry: float | None = None,
        information: str = "",
    ) -> None:
        """Write down how the queue stands now; ``waiting`` holds entry time and size of each message in it."""
        oldest = min((entered for entered, _ in waiting), default=None)
        row = QueueRow(
            self._seconds(),
            domain,
            state,
            oldest,
            len(waiting),
            sum(octets for _, octets in waiting),
            next_retry,
            information,
        )
        shown = (state, oldest, row.messages, row.octets, next_retry, information)
        if self._last.get(domain) != shown:
            self._last[domain] = shown
            self._rows.append(row)

    def rows(self) -> tuple[QueueRow, ...]:
        """All rows so far, by time and then by domain."""
        return tuple(sorted(self._rows, key=lambda row: (row.time, row.domain)))
