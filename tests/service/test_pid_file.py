"""The pid file: held by one guard, read by ``smtpguard reload``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
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
    path.write_text("123456789\n7\n7\na longer text that an earlier guard has left behind\n")
    with PidFile(path) as pid_file:
        assert path.read_text() == f"{os.getpid()}\n0\n0\n\n"
        pid_file.begin()
        assert path.read_text() == f"{os.getpid()}\n1\n0\n\n"
        pid_file.tell("no such\nfile")
        assert path.read_text() == f"{os.getpid()}\n1\n1\nno such file\n"
        with pytest.raises(ServiceError, match="another guard"), PidFile(path):
            pass
    assert not path.exists()


@pytest.mark.parametrize("text", ["summary: mine\n", "\n", "127.0.0.1\n"])
def test_a_file_of_somebody_else_is_neither_written_over_nor_deleted(tmp_path: Path, text: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ServiceError, match=r"mine\.yaml: holds something else"), PidFile(path):
        pass
    assert path.read_text() == text


def test_a_device_is_not_deleted(tmp_path: Path) -> None:
    path = tmp_path / "queue"
    os.mkfifo(path)
    with pytest.raises(ServiceError, match="is no regular file"), PidFile(path):
        pass
    assert path.is_fifo()


def test_a_full_disk_is_the_users_to_mend_at_the_start_and_nothing_later(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk."""
    program = """
import os, resource, sys
from pathlib import Path
from smtpguard.service.errors import ServiceError
from smtpguard.service.pid_file import PidFile
path = Path(sys.argv[1])
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
with PidFile(path) as held:
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    held.begin()
    held.tell("reloaded")
try:
    PidFile(path).__enter__()
except ServiceError as error:
    print(error, path.exists())
"""
    command = [sys.executable, "-c", program, str(tmp_path / "guard.pid")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (
        f"--pid-file {tmp_path}/guard.pid: can't be written: File too large False\n",
        "",
    )


def test_the_answer_comes_back(tmp_path: Path, hangups: list[int]) -> None:
    path = tmp_path / "guard.pid"
    with PidFile(path) as pid_file:
        signal.signal(signal.SIGHUP, lambda number, _: (hangups.append(number), pid_file.begin(), pid_file.tell(DONE)))
        assert ask_to_reload(path, 10) == DONE
        assert hangups == [signal.SIGHUP]
        signal.signal(signal.SIGHUP, lambda number, _: None)
        with pytest.raises(ServiceError, match="says nothing"):
            ask_to_reload(path, 0.1)


def test_no_guard(tmp_path: Path, hangups: list[int]) -> None:
    path = tmp_path / "guard.pid"
    with pytest.raises(ServiceError, match="can't be read"):
        ask_to_reload(path, 1)
    path.write_text(f"{os.getpid()}\n0\n0\n\n")
    with pytest.raises(ServiceError, match="no guard runs"):
        ask_to_reload(path, 1)
    assert hangups == []
    with pytest.raises(ServiceError, match="can't be written"), PidFile(tmp_path / "none" / "guard.pid"):
        pass


def test_a_reload_that_was_under_way_is_no_answer(tmp_path: Path, hangups: list[int]) -> None:
    """It is over when the signal is there; the one that the signal is for takes a while."""
    path = tmp_path / "guard.pid"
    with PidFile(path) as pid_file:
        pid_file.begin()

        later = threading.Timer(0.2, pid_file.tell, ("the second",))

        def first(number: int, _: object) -> None:
            pid_file.tell("the first, which read the files too early")
            pid_file.begin()
            assert path.read_text().splitlines()[1:] == ["2", "1", "the first, which read the files too early"]
            later.start()

        signal.signal(signal.SIGHUP, first)
        assert ask_to_reload(path, 10) == "the second"
        later.join()


def test_a_guard_that_ends_instead_of_answering(tmp_path: Path, hangups: list[int]) -> None:
    path = tmp_path / "guard.pid"
    pid_file = PidFile(path).__enter__()
    signal.signal(signal.SIGHUP, lambda number, _: pid_file.__exit__(None, None, None))
    with pytest.raises(ServiceError, match="has ended before it reloaded"):
        ask_to_reload(path, 10)


@pytest.mark.parametrize("text", ["", "12\n", "x\n0\n0\n\n", "1\n0\n²\n\n", "\xff" * 9000])
def test_a_locked_file_that_is_no_pid_file(tmp_path: Path, hangups: list[int], text: str) -> None:
    path = tmp_path / "guard.pid"
    with PidFile(path):
        path.write_text(text)
        with pytest.raises(ServiceError, match="no guard's pid file"):
            ask_to_reload(path, 1)
    assert hangups == []


def test_a_process_that_may_not_be_told(tmp_path: Path) -> None:
    """None has that number: it is above the kernel's greatest."""
    path = tmp_path / "guard.pid"
    with PidFile(path):
        path.write_text(f"{1 << 30}\n0\n0\n\n")
        with pytest.raises(ServiceError, match="can't be told: No such process"):
            ask_to_reload(path, 1)


def test_the_file_of_another_guard_stays(tmp_path: Path) -> None:
    """Somebody deleted ours, and the next guard has made its own there."""
    path = tmp_path / "guard.pid"
    with PidFile(path):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


def test_guards_that_take_turns_have_the_file_that_the_path_names(tmp_path: Path) -> None:
    """One opens it just before the other deletes it, sooner or later."""
    path = tmp_path / "guard.pid"
    wrong: list[str] = []

    def turns() -> None:
        held = 0
        while held < 300:
            try:
                with PidFile(path):
                    held += 1
                    if not path.exists():
                        wrong.append("it is held, and not there")
            except ServiceError:
                continue

    others = [threading.Thread(target=turns) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert wrong == []
    assert not path.exists()


_KILLED = """
import os, signal, sys
from pathlib import Path
from smtpguard.service.pid_file import PidFile
with PidFile(Path(sys.argv[1])):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_guard_left_behind(tmp_path: Path, hangups: list[int]) -> None:
    """Nobody is told, whoever has that number by now; and the next guard takes the file over."""
    path = tmp_path / "guard.pid"
    subprocess.run([sys.executable, "-c", _KILLED, str(path)], check=False)
    left = path.read_text().splitlines()
    assert left[1:] == ["0", "0", ""]
    path.write_text("\n".join([str(os.getpid()), *left[1:], ""]))
    with pytest.raises(ServiceError, match="no guard runs"):
        ask_to_reload(path, 1)
    assert hangups == []
    with PidFile(path):
        assert path.read_text().splitlines()[0] == str(os.getpid())
    assert not path.exists()
