"""The file that says which process the guard is, and what came of its last reload.

    with PidFile(path) as pid_file:             # raises ServiceError
        pid_file.begin()
        pid_file.tell("reloaded")
    ...
    ask_to_reload(path, seconds=10)             # in another process: the guard's answer

The guard holds a lock on it as long as it lives, so a file that a killed guard left behind is never taken for a guard.
Line by line: the process, how many reloads it has begun, how many of them are over, what came of the last of these. Who
asks waits for one that began after the question: one that was under way may have read the files too early.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import stat
import time
from pathlib import Path
from types import TracebackType

from smtpguard.service.errors import ServiceError

DONE = "reloaded"
_POLL_SECONDS = 0.05


class PidFile:
    """Held from ``with`` to its end, then deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._begun = 0
        self._over = 0
        self._outcome = ""

    def __enter__(self) -> PidFile:
        while not self._take():
            pass  # its last holder deleted it between our opening and our locking it
        try:
            self._refuse_another_file()
            self._write()
        except OSError as error:
            self._path.unlink(missing_ok=True)  # ours, and half written
            os.close(self._descriptor)
            raise ServiceError(f"--pid-file {self._path}: can't be written: {error.strerror}") from error
        except ServiceError:
            os.close(self._descriptor)
            raise
        return self

    def _refuse_another_file(self) -> None:
        """What is there is written over now and deleted in the end: no policy, no device that was named by mistake."""
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            raise ServiceError(f"--pid-file {self._path}: is no regular file; give it a file of its own")
        held = os.pread(self._descriptor, 64, 0)
        if held and not held.partition(b"\n")[0].isdigit():
            raise ServiceError(f"--pid-file {self._path}: holds something else; give it a file of its own")

    def _take(self) -> bool:
        """Open and lock it; False where what is locked is not what the path names any more. Raises ServiceError."""
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ServiceError(f"--pid-file {self._path}: can't be written: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise ServiceError(f"--pid-file {self._path}: another guard runs with it; give each its own") from error
        if self._is_ours():
            return True
        os.close(self._descriptor)
        return False

    def _is_ours(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._descriptor), self._path.stat())
        except OSError:
            return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._is_ours():  # who deleted it under us may have put another one there
            with contextlib.suppress(OSError):
                self._path.unlink()
        os.close(self._descriptor)

    def begin(self) -> None:
        """A reload begins. What came of the last one stays: not everybody has read it yet."""
        self._begun += 1
        self._write_if_it_can()

    def tell(self, outcome: str) -> None:
        """It is over: ``DONE``, or why the old policy stays in force."""
        self._over = self._begun
        self._outcome = outcome.replace("\n", " ")
        self._write_if_it_can()

    def _write_if_it_can(self) -> None:
        """A full disk keeps the answer from who asked, and the guard from nothing."""
        with contextlib.suppress(OSError):
            self._write()

    def _write(self) -> None:
        text = f"{os.getpid()}\n{self._begun}\n{self._over}\n{self._outcome}\n".encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


def ask_to_reload(path: Path, seconds: float) -> str:
    """Have the guard of this file read its policy and settings anew; what came of it. Raises ServiceError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ServiceError(f"--pid-file {path}: can't be read: {error.strerror}; is a guard running?") from error
    try:
        if not _held(descriptor):
            raise ServiceError(f"--pid-file {path}: no guard runs with it")
        process, begun, _, _ = _read(descriptor, path)
        try:
            os.kill(process, signal.SIGHUP)
        except OSError as error:
            raise ServiceError(f"--pid-file {path}: process {process} can't be told: {error.strerror}") from error
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            alive = _held(descriptor)
            _, _, over, outcome = _read(descriptor, path)
            if over > begun:
                return outcome
            if not alive:
                raise ServiceError(f"--pid-file {path}: the guard has ended before it reloaded")
            time.sleep(_POLL_SECONDS)
    finally:
        os.close(descriptor)
    raise ServiceError(f"process {process} was told to reload and says nothing for {seconds:g} s; see its journal")


def _held(descriptor: int) -> bool:
    """Whether a guard has the lock."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    return False


def _read(descriptor: int, path: Path) -> tuple[int, int, int, str]:
    lines = os.pread(descriptor, 8192, 0).decode(errors="replace").split("\n")
    if len(lines) < 4 or not all(line.isdecimal() and line.isascii() for line in lines[:3]):
        raise ServiceError(f"--pid-file {path}: that is no guard's pid file")
    return int(lines[0]), int(lines[1]), int(lines[2]), lines[3]
