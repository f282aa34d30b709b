"""Signals that come too early, and too late: the guard reloads when it can, and ends as it was asked to."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from tests.real.guard_process import select
from tests.real.private_server import until
from tests.service.conftest import Start
from tests.service.tuned import starting


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_reload_that_is_asked_for_while_it_starts(tmp_path: Path, workers: str) -> None:
    """The pid file is there, and the guard still waits for its server to accept."""
    path = tmp_path / "guard.pid"
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        bound.listen(0)
        with (
            # The queue has one place, and this takes it: the guard's own connection is not answered yet.
            socket.create_connection(bound.getsockname()),
            starting(bound.getsockname(), "--workers", workers, "--pid-file", str(path)) as process,
        ):
            until(lambda: path.exists() and path.read_text(), 20, "the pid file")
            process.send_signal(signal.SIGHUP)
            bound.accept()[0].close()
            assert process.stdout is not None
            events = []
            while not any('"reloaded"' in line for line in events):
                events.append(process.stdout.readline())
                assert events[-1], process.communicate()
            assert '"listening"' in events[0]
            process.terminate()
            assert process.wait(20) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_signals_up_to_the_last_moment(start: Start, tmp_path: Path, workers: str, number: signal.Signals) -> None:
    path = tmp_path / "guard.pid"
    guard = start("--workers", workers, "--pid-file", str(path))
    guard.terminate()
    guard.signal_to_the_last(number)
    assert guard.wait() == 0
    assert guard.errors() == ""
    assert not path.exists()
    assert len(select(guard.stop(), "stopped")) == (1 if workers == "1" else 3)
