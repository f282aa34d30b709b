"""The journal of hosts that stay up: each event of the lab goes out as it happens, and none is kept.

A run keeps its events for the report; a lab that stays up for a week must not.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from smtpguard.lab.events import EventLog, Host

Sink = Callable[[str, dict[str, object]], None]


class LiveLog(EventLog):
    """Gives each event to ``sink`` with the name of its host; ``seconds`` is the loop's clock."""

    def __init__(self, seconds: Callable[[], float], sink: Sink) -> None:
        super().__init__(seconds)
        self._clock = seconds
        self._sink = sink

    def add(self, host: Host, event: str, fields: dict[str, object] | None = None) -> None:
        """Write one event down. A moment of the loop's clock becomes a date: people read this as it happens."""
        told = {name: value for name, value in (fields or {}).items() if name not in ("event", "host")}
        moment = told.get("next")
        if event == "retry" and isinstance(moment, float):
            told["next"] = self._date(moment)
        self._sink(event, {"host": host} | told)

    def _date(self, moment: float) -> str:
        return (datetime.now(UTC) + timedelta(seconds=moment - self._clock())).isoformat(timespec="milliseconds")


class SenderLog(EventLog):
    """The sender's part of ``log`` while it carries one batch of mail: its messages count on from ``before``.

    Each batch counts its connections anew, so that number says nothing here and is left out.
    """

    def __init__(self, log: EventLog, before: int) -> None:
        super().__init__(lambda: 0.0)
        self._log = log
        self._before = before

    def add(self, host: Host, event: str, fields: dict[str, object] | None = None) -> None:
        """Pass one event on."""
        told = {name: value for name, value in (fields or {}).items() if name != "connection"}
        number = told.get("message")
        if isinstance(number, int):
            told["message"] = number + self._before
        self._log.add(host, event, told)


class SubmissionLog(EventLog):
    """What the sender's own door has to say: only that a message came in; who came and went is no matter."""

    def __init__(self, log: EventLog) -> None:
        super().__init__(lambda: 0.0)
        self._log = log

    def add(self, host: Host, event: str, fields: dict[str, object] | None = None) -> None:
        """Pass one event on."""
        if event == "message-stored":
            self._log.add("sender", "submitted", fields)
