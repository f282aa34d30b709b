"""Where the journal's lines go: nobody waits for a reader, and what is lost is counted. The pipes are real."""

from __future__ import annotations

import fcntl
import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO

import orjson
import pytest

from smtpguard.journal import outlet
from smtpguard.journal.outlet import Outlet

PIPE_OCTETS = 4096


class Pipe:
    """A pipe that holds one page; ``losses`` is what the outlet said."""

    def __init__(self, *, flags: int = 0) -> None:
        reading, writing = os.pipe2(flags)
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_OCTETS)
        self.reading = FileIO(reading, "rb")
        self.writing = FileIO(writing, "wb")
        self.losses: list[str] = []
        self.outlet = Outlet(self.writing, lambda error: self.losses.append(str(error.strerror)))

    def read(self) -> bytes:
        """What is in it now, at most what it holds."""
        return self.reading.read(PIPE_OCTETS)

    def read_all(self) -> bytes:
        """All that the outlet has."""
        octets = self.read()
        while self.outlet.waiting:
            self.outlet.drain()
            octets += self.read()
        return octets


@contextmanager
def a_pipe(*, flags: int = 0) -> Iterator[Pipe]:
    pipe = Pipe(flags=flags)
    with pipe.reading, pipe.writing:
        yield pipe


def numbered(first: int, behind: int, octets: int = 100) -> list[bytes]:
    return [b'{"event":"%06d","x":"%s"}' % (number, b"x" * octets) for number in range(first, behind)]


@pytest.mark.parametrize("flags", [0, os.O_NONBLOCK], ids=["waits", "set not to wait"])
def test_nobody_waits_for_a_reader(flags: int) -> None:
    """And he finds everything, in order, whatever he takes at once."""
    with a_pipe(flags=flags) as pipe:
        for first in range(0, 1000, 10):
            pipe.outlet.write(numbered(first, first + 10))
        assert pipe.outlet.waiting
        assert pipe.read_all().splitlines() == numbered(0, 1000)
        assert (pipe.losses, pipe.outlet.lost) == ([], 0)


def test_what_does_not_find_room_is_counted_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "WAITING_OCTETS", 10_000)
    with a_pipe() as pipe:
        for first in range(0, 1000, 10):
            pipe.outlet.write(numbered(first, first + 10))
        assert pipe.losses == ["nobody reads it"]
        kept = pipe.read_all().splitlines()
        assert kept == numbered(0, len(kept))
        assert sum(map(len, kept)) < 10_000 + 2 * PIPE_OCTETS
        assert pipe.outlet.lost == 1000 - len(kept)
        pipe.outlet.write(numbered(1000, 1001))
        notice, line = pipe.read_all().splitlines()
        fields = orjson.loads(notice)
        assert (fields["event"], fields["lines"], fields["level"]) == ("journal-lost", 1000 - len(kept), "warning")
        assert fields["timestamp"].endswith("Z")
        assert [line] == numbered(1000, 1001)


def test_a_loss_is_reported_again_when_there_was_room_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outlet, "WAITING_OCTETS", 1000)
    with a_pipe() as pipe:
        for _ in range(2):
            for first in range(0, 100, 10):
                pipe.outlet.write(numbered(first, first + 10))
            pipe.read_all()
            pipe.outlet.write(numbered(0, 1))
            pipe.read_all()
        assert pipe.losses == ["nobody reads it"] * 2


def test_a_reader_who_goes_takes_what_waits_with_him() -> None:
    with a_pipe() as pipe:
        pipe.outlet.write(numbered(0, 200))
        taken = pipe.read()
        pipe.reading.close()
        pipe.outlet.write(numbered(200, 210))
        assert pipe.losses == ["Broken pipe"]
        assert not pipe.outlet.waiting
        assert pipe.outlet.lost == 210 - taken.count(b"\n")


def test_an_end_waits_for_a_slow_reader() -> None:
    with a_pipe() as pipe:
        pipe.outlet.write(numbered(0, 200))
        found: list[bytes] = []
        reader = threading.Thread(target=lambda: found.extend(iter(pipe.read, b"")))
        reader.start()
        pipe.outlet.close(20)
        pipe.writing.close()
        reader.join()
        assert b"".join(found).splitlines() == numbered(0, 200)
        assert pipe.losses == []


def test_an_end_does_not_wait_for_ever() -> None:
    with a_pipe() as pipe:
        pipe.outlet.write(numbered(0, 200))
        pipe.outlet.close(0.05)
        assert pipe.losses == ["nobody reads it"]
        assert pipe.outlet.lost == 200 - pipe.read().count(b"\n")


class Disk(io.BytesIO):
    """It has room for so many octets more."""

    room = 0

    def write(self, octets: memoryview) -> int:  # type: ignore[override]
        if not self.room:
            raise OSError(28, "No space left on device")
        written = super().write(octets[: self.room])
        self.room -= written
        return written


def test_half_a_line_spoils_no_other_one() -> None:
    disk, losses = Disk(), []
    onto = Outlet(disk, losses.append)
    one, two, three, four = numbered(0, 4)
    disk.room = len(one) + 10
    onto.write([one, two, three])
    assert (len(losses), onto.lost) == (1, 2)
    onto.write([three])
    assert (len(losses), onto.lost) == (1, 3)
    disk.room = 10_000
    onto.write([four])
    first, half, notice, last = disk.getvalue().splitlines()
    assert (first, half, last) == (one, two[:9], four)
    assert orjson.loads(notice)["lines"] == 3


def test_a_count_that_is_lost_itself_is_not_forgotten() -> None:
    disk = Disk()
    onto = Outlet(disk, lambda _: None)
    onto.write(numbered(0, 5))
    disk.room = 20
    onto.write(numbered(5, 6))
    disk.room = 10_000
    onto.write(numbered(6, 7))
    _, notice, last = disk.getvalue().splitlines()
    assert orjson.loads(notice)["lines"] == onto.lost == 6
    assert [last] == numbered(6, 7)
