"""The pid file: held by one guard, read by ``smtpguard reload``."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtpguard.service.errors import ServiceError
from smtpguard.service.pid_file import DONE, PidFile, ask_to_reload


@pytest.fixture
def hangups() -> Iterator[list[int]]:
    """The SIGHUPs that this process got."""
    got: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _: got.append(number))
    yield got
    signal.signal(signal.SIGHUP, before)


def test_it_names_the_process_and_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "guard.pid"
    path.write_text("a longer text that an earlier guard has left behind\n" * 3)
    with PidFile(path) as pid_file:
        assert path.read_text() == f"{os.getpid()}\n0\n\n"
        pid_file.tell("no such\nfile")
        assert path.read_text() == f"{os.getpid()}\n1\nno such file\n"
        with pytest.raises(ServiceError, match="another guard"), PidFile(path):
            pass
    assert not path.exists()


def test_the_answer_comes_back(tmp_path: Path, hangups: list[int]) -> None:
    path = tmp_path / "guard.pid"
    with PidFile(path) as pid_file:
        timer = threading.Timer(0.2, pid_file.tell, (DONE,))
        timer.start()
        assert ask_to_reload(path, 10) == DONE
        timer.join()
        assert hangups == [signal.SIGHUP]
        with pytest.raises(ServiceError, match="says nothing"):
            ask_to_reload(path, 0.1)


def test_no_guard(tmp_path: Path, hangups: list[int]) -> None:
    path = tmp_path / "guard.pid"
    with pytest.raises(ServiceError, match="can't be read"):
        ask_to_reload(path, 1)
    path.write_text(f"{os.getpid()}\n0\n\n")
    with pytest.raises(ServiceError, match="no guard runs"):
        ask_to_reload(path, 1)
    assert hangups == []
    with pytest.raises(ServiceError, match="can't be written"), PidFile(tmp_path / "none" / "guard.pid"):
        pass
