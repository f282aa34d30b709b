"""The sender's queue on the page: the drawing, the attempts, Queue Viewer's rows."""

from __future__ import annotations

from html import escape

from smtpguard.lab.dates import Calendar
from smtpguard.lab.eventlog.viewer import us_date, us_time
from smtpguard.lab.queue.viewer import QueueRow
from smtpguard.lab.result import RunResult
from smtpguard.lab.telling import timeline as timeline_drawing
from smtpguard.lab.telling.timeline import Timeline
from smtpguard.pages.markup import folded, table, tag, words
from smtpguard.pages.wording import counted, lasting, span

_VIEWER = (
    "At",
    "Queue",
    "State",
    "Connection State",
    "Time of Submission of Oldest Msg",
    "Total # of Msgs",
    "Total Msg Size (KB)",
    "Time of Next Connection Retry",
    "Additional information",
)
_ATTEMPTS = ("Message", "Attempt", "Began", "Lasted", "What came of it")
_FOLDED_FROM = 12  # rows; a longer table is folded


def queue(result: RunResult) -> str:
    """Everything about the queue."""
    drawn = timeline_drawing.draw(Timeline(result.timeline, result.fates, result.simulated_seconds))
    still = words("p", "The queue was empty again within a second: there is no time to draw.", "note")
    figure = tag("figure", drawn) if drawn else still
    return figure + _attempts(result) + _viewer(result)


def _attempts(result: RunResult) -> str:
    rows = []
    for message, fate in enumerate(result.fates, 1):
        for number, timed in enumerate(fate.attempts, 1):
            said = "delivered" if timed.attempt.delivered else timed.attempt.reason
            lasted = lasting(timed.ended - timed.began)
            rows.append([str(message), str(number), span(timed.began), lasted, escape(said)])
    return _perhaps_folded(counted(len(rows), "attempt", "attempts"), table(_ATTEMPTS, rows, frozenset((0, 1))), rows)


def _viewer(result: RunResult) -> str:
    calendar = Calendar(result.scenario.start, lambda: 0.0)
    rows = [_row(row, calendar) for row in result.timeline]
    drawn = table(_VIEWER, rows, frozenset((5, 6)))
    return words("h3", "Queue Viewer at each change") + _perhaps_folded(f"{len(rows)} rows", drawn, rows)


def _row(row: QueueRow, calendar: Calendar) -> list[str]:
    state = tag("span", tag("span", "", f"state state-{row.state}") + escape(row.state), "nowrap")
    return [
        span(row.time),
        escape(row.domain),
        state,
        escape(row.connection_state),
        _moment(row.oldest_submission, calendar),
        str(row.messages),
        str(row.kilobytes),
        _moment(row.next_retry, calendar),
        escape(row.information),
    ]


def _moment(seconds: float | None, calendar: Calendar) -> str:
    if seconds is None:
        return ""
    date = calendar.at(seconds)
    return f"{us_date(date)} {us_time(date)}"


def _perhaps_folded(summary: str, drawn: str, rows: list[list[str]]) -> str:
    return folded(summary, drawn) if len(rows) > _FOLDED_FROM else drawn
