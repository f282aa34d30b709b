"""The sender's queue over simulated time as SVG: state bands of each queue, attempts, notices, the end.

Where the first hours are crowded and the rest is long, they are drawn once more, wider.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from smtpguard.lab.queue.fate import Fate
from smtpguard.lab.queue.viewer import QueueRow
from smtpguard.pages import svg
from smtpguard.pages.wording import span

WIDTH = 1000
_LEFT, _RIGHT = 110, 955
_BAND = 26
_ATTEMPTS = 22
_FLAGS = 40  # room for two rows of flags over the bands
_AXIS = 30
_LEGEND = 24
_HOUR = 3600.0
_ENLARGED = 3 * _HOUR  # drawn once more when the whole is longer than
_LONG = 12 * _HOUR
_LEAST = 2.0  # the width of an attempt that took no time
_MOST_TICKS = 12
_STEPS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, 24 * _HOUR)


@dataclass(frozen=True, slots=True)
class Timeline:
    """What is drawn; times in simulated seconds. ``states``: in the order of the queues' first rows."""

    rows: tuple[QueueRow, ...]
    fates: tuple[Fate, ...]
    end: float

    @property
    def domains(self) -> tuple[str, ...]:
        """The queues, by remote domain."""
        return tuple(dict.fromkeys(row.domain for row in self.rows))


@dataclass(frozen=True, slots=True)
class _Scale:
    end: float

    def x(self, time: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * min(time, self.end) / self.end


def draw(timeline: Timeline) -> str:
    """The drawing; empty when everything was over within a second: there is nothing to see."""
    if timeline.end < 1.0:
        return ""
    content, y = _strip(timeline, timeline.end, 0.0)
    if timeline.end > _LONG:
        content += svg.text(_LEFT, y + 26, f"the first {int(_ENLARGED / _HOUR)} hours once more", "faint")
        wider, y = _strip(timeline, _ENLARGED, y + 20)
        content += wider
    content += _legend(timeline, y + 8)
    return svg.drawing(WIDTH, y + 8 + _LEGEND, content, "The queue over simulated time")


def _spans(timeline: Timeline) -> list[tuple[QueueRow, float]]:
    """Each row with the time of its queue's next one."""
    found: list[tuple[QueueRow, float]] = []
    for domain in timeline.domains:
        rows = [row for row in timeline.rows if row.domain == domain]
        found += zip(rows, [*(row.time for row in rows[1:]), timeline.end], strict=True)
    return found


def _strip(timeline: Timeline, end: float, y: float) -> tuple[str, float]:
    scale = _Scale(end)
    flags = _flags(timeline, scale, y)
    y += _FLAGS
    top = y
    pieces: list[str] = []
    for domain in timeline.domains:
        pieces.append(svg.text(_LEFT - 10, y + 17, _short(domain), "label", "end"))
        pieces += _bands([one for one in _spans(timeline) if one[0].domain == domain], scale, y)
        y += _BAND + 4
    pieces.append(svg.text(_LEFT - 10, y + 14, "attempts", "label", "end"))
    pieces += _attempts(timeline.fates, scale, y)
    y += _ATTEMPTS
    return "".join([_axis(scale, top, y), *pieces, flags]), y + _AXIS


def _bands(spans: Sequence[tuple[QueueRow, float]], scale: _Scale, y: float) -> list[str]:
    drawn = []
    for row, end in spans:
        if row.messages == 0 or row.time >= scale.end or end <= row.time:
            continue
        x1, x2 = scale.x(row.time), scale.x(end)
        hint = f"{row.state}, {span(row.time)} to {span(end)}. {row.information}".strip()
        drawn.append((row.state != "Retry", svg.box(x1, y, max(_LEAST, x2 - x1), _BAND, f"state-{row.state}", hint)))
    # A short attempt is drawn over the long waits beside it, so that it can be seen at all.
    return [box for _, box in sorted(drawn, key=lambda one: one[0])]


def _attempts(fates: Sequence[Fate], scale: _Scale, y: float) -> list[str]:
    drawn = []
    for fate in fates:
        for timed in fate.attempts:
            if timed.began > scale.end:
                continue
            x1, x2 = scale.x(timed.began), scale.x(timed.ended)
            good = timed.attempt.delivered
            hint = f"{span(timed.began)} to {span(timed.ended)}: {'delivered' if good else timed.attempt.reason}"
            width = max(_LEAST, x2 - x1)
            drawn.append(svg.box(x1, y + 4, width, 12, "good" if good else "failed", hint))
    return drawn


def _flags(timeline: Timeline, scale: _Scale, y: float) -> str:
    """Delay notices, NDRs and deliveries that fall into the strip, each kind once a moment."""
    marks: set[tuple[float, str, str]] = set()
    for fate in timeline.fates:
        marks |= {(notice.time, "delay notice", "delay") for notice in fate.delays}
        marks |= {(ndr.time, "NDR", "failed") for ndr in fate.ndrs}
        marks |= {(one.ended, "delivered", "good") for one in fate.attempts if one.attempt.delivered}
    drawn = []
    bottom = y + _FLAGS + (_BAND + 4) * len(timeline.domains) + _ATTEMPTS
    taken = -1.0
    for time, words, kind in sorted(marks):
        if time > scale.end:
            continue
        x = scale.x(time)
        anchor = "end" if x > (_LEFT + _RIGHT) / 2 else "start"
        level = y + (16 if x - taken > 140 else 32)
        taken = x
        drawn.append(svg.line(x, level - 10, x, bottom, f"flag {kind}"))
        drawn.append(
            svg.text(x + (-5 if anchor == "end" else 5), level, f"{words}, {span(time)}", f"flag-{kind}", anchor)
        )
    return "".join(drawn)


def _axis(scale: _Scale, top: float, y: float) -> str:
    step = next((one for one in _STEPS if scale.end / one <= _MOST_TICKS), scale.end / _MOST_TICKS)
    drawn = [svg.line(_LEFT, y, _RIGHT, y, "axis")]
    count = 0
    while count * step <= scale.end:
        time = count * step
        x = scale.x(time)
        drawn.append(svg.line(x, top, x, y + 5, "tick"))
        drawn.append(svg.text(x, y + 18, span(time), "time", "middle"))
        count += 1
    return "".join(drawn)


def _legend(timeline: Timeline, y: float) -> str:
    drawn, x = [], float(_LEFT)
    states = dict.fromkeys(row.state for row, end in _spans(timeline) if row.messages and end > row.time)
    entries = [(f"state-{state}", f"queue {state}") for state in states]
    outcomes = {timed.attempt.delivered for fate in timeline.fates for timed in fate.attempts}
    entries += [("good", "attempt that delivered")] if True in outcomes else []
    entries += [("failed", "attempt that failed")] if False in outcomes else []
    for kind, words in entries:
        drawn.append(svg.box(x, y + 3, 14, 12, kind))
        drawn.append(svg.text(x + 20, y + 13, words, "label"))
        x += 40 + 7.2 * len(words)
    return "".join(drawn)


def _short(domain: str) -> str:
    return domain if len(domain) <= 14 else f"{domain[:13]}…"
