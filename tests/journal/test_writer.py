"""The journal's lines: JSON, one an event, gathered and written together."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime

import orjson
import pytest

from smtpguard.journal.writer import FLUSH_RECORDS, FLUSH_SECONDS, Journal


class Clock:
    """Remembers what is to be done later."""

    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        self.due.append((seconds, action))


def lines(stream: io.BytesIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in stream.getvalue().splitlines()]


def test_lines_are_written_together_a_moment_later() -> None:
    stream, clock = io.BytesIO(), Clock()
    journal = Journal(stream, clock.later)
    journal("message", {"session": "1", "size": 5})
    journal("timeout", {"session": "1", "event_id": 20031})
    assert stream.getvalue() == b""
    [(seconds, flush)] = clock.due
    assert seconds == FLUSH_SECONDS
    flush()
    first, second = lines(stream)
    assert (first["event"], first["session"], first["size"], first["level"]) == ("message", "1", 5, "info")
    assert (second["event"], second["event_id"], second["level"]) == ("timeout", 20031, "warning")
    assert str(first["timestamp"]).endswith("Z")


def test_many_records_are_written_at_once() -> None:
    stream, clock = io.BytesIO(), Clock()
    journal = Journal(stream, clock.later)
    for number in range(FLUSH_RECORDS - 1):
        journal("message", {"size": number})
    assert stream.getvalue() == b""
    journal("message", {"size": FLUSH_RECORDS - 1})
    assert [line["size"] for line in lines(stream)] == list(range(FLUSH_RECORDS))


def test_a_record_bears_the_time_at_which_it_came() -> None:
    """To the microsecond: a stamp rounded up lies in the future, and came behind what happened next."""
    moments, stamps = [], []
    for _ in range(1000):
        stream, clock = io.BytesIO(), Clock()
        journal = Journal(stream, clock.later)
        before = datetime.now(UTC)
        journal("a", {})
        after = datetime.now(UTC)
        journal.flush()
        moments.append((before, after))
        stamps.append(datetime.fromisoformat(str(lines(stream)[0]["timestamp"])))
    assert [(b, s, a) for (b, a), s in zip(moments, stamps, strict=True) if not b <= s <= a] == []


def test_a_record_bears_the_time_at_which_it_came_and_not_that_of_its_writing() -> None:
    stream, clock = io.BytesIO(), Clock()
    journal = Journal(stream, clock.later)
    journal("a", {})
    after = datetime.now(UTC)
    while datetime.now(UTC) <= after:
        pass
    journal.flush()
    assert datetime.fromisoformat(str(lines(stream)[0]["timestamp"])) <= after


def test_the_next_line_waits_anew() -> None:
    stream, clock = io.BytesIO(), Clock()
    journal = Journal(stream, clock.later)
    journal("a", {})
    journal("b", {})
    [(_, flush)] = clock.due
    flush()
    journal("c", {})
    assert len(clock.due) == 2
    assert [line["event"] for line in lines(stream)] == ["a", "b"]
    clock.due[1][1]()
    assert [line["event"] for line in lines(stream)] == ["a", "b", "c"]


def test_what_json_does_not_know_is_written_all_the_same() -> None:
    stream, clock = io.BytesIO(), Clock()
    journal = Journal(stream, clock.later)
    journal("odd", {"value": b"\xff"})
    journal.flush()
    assert lines(stream)[0]["value"] == "b'\\xff'"


class Failing(io.BytesIO):
    """A disk that is full while ``full`` is set."""

    full = False

    def write(self, octets: object) -> int:  # type: ignore[override]
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(octets)  # type: ignore[arg-type]


def test_what_cannot_be_written_is_reported_once_and_counted() -> None:
    stream, clock, losses = Failing(), Clock(), []
    journal = Journal(stream, clock.later, losses.append)
    stream.full = True
    for name in ("a", "b", "c"):
        journal(name, {})
        journal.flush()
    assert [str(loss) for loss in losses] == ["[Errno 28] No space left on device"]
    stream.full = False
    journal("d", {})
    journal.flush()
    assert [(line["event"], line.get("lines")) for line in lines(stream)] == [("journal-lost", 3), ("d", None)]
    journal("e", {})
    journal.flush()
    assert [line["event"] for line in lines(stream)][-1] == "e"


def test_without_a_place_for_losses_the_error_is_the_callers() -> None:
    stream, clock = Failing(), Clock()
    stream.full = True
    journal = Journal(stream, clock.later)
    journal("a", {})
    with pytest.raises(OSError, match="No space left"):
        journal.flush()
