"""What systemd and the reader of the pid file are told of a guard's life."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtpguard.service.onlookers import onlookers
from smtpguard.service.pid_file import DONE
from smtpguard.service.systemd import Systemd


@pytest.fixture
def told(tmp_path: Path) -> Iterator[socket.socket]:
    """Where systemd listens: ``tmp_path / "notify"``."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def heard(told: socket.socket) -> list[bytes]:
    """The first line of each datagram so far."""
    found = []
    while True:
        try:
            found.append(told.recv(1000).split(b"\n")[0])
        except BlockingIOError:
            return found


def test_a_life(tmp_path: Path, told: socket.socket) -> None:
    with onlookers(Systemd(str(tmp_path / "notify")), None) as those:
        those.ready("pass")
        those.reloading()
        those.reloaded(DONE)
        those.stopping()
    assert heard(told) == [b"READY=1", b"RELOADING=1", b"READY=1", b"STOPPING=1"]


def test_the_watchdog_hears_no_more_than_it_wants(tmp_path: Path, told: socket.socket) -> None:
    with onlookers(Systemd(str(tmp_path / "notify"), watchdog=10.0), None) as those:
        for now in range(100, 131):
            those.alive(float(now))
    assert heard(told) == [b"WATCHDOG=1"] * 4


def test_where_there_is_no_watchdog_it_hears_nothing(tmp_path: Path, told: socket.socket) -> None:
    with onlookers(Systemd(str(tmp_path / "notify")), None) as those:
        those.alive(100.0)
    assert heard(told) == []


def test_the_pid_file_has_what_came_of_a_reload(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "guard.pid"
    with onlookers(Systemd(), path) as those:
        those.reloading()
        those.reloaded(DONE)
        assert path.read_text().splitlines()[1:] == ["1", "1", DONE]
        assert capfd.readouterr().err == ""
        those.reloading()
        assert path.read_text().splitlines()[1:] == ["2", "1", DONE]
        those.reloaded("mine.yaml: broken")
        assert path.read_text().splitlines()[1:] == ["2", "2", "mine.yaml: broken"]
    assert capfd.readouterr().err == "smtpguard: reload: mine.yaml: broken; what was in force stays in force\n"
    assert not path.exists()
