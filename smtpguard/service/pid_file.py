"""The file that says which process the guard is, and what came of its last reload.

    with PidFile(path) as pid_file:             # raises ServiceError
        pid_file.tell("reloaded")
    ...
    ask_to_reload(path, seconds=10)             # in another process: the guard's answer

The guard holds a lock on it as long as it lives, so a file that a killed guard left behind is never taken for a guard.
Line by line: the process, how many reloads it has tried, what came of the last one.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
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
        self._reloads = 0

    def __enter__(self) -> PidFile:
        try:
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise ServiceError(f"--pid-file {self._path}: can't be written: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise ServiceError(f"--pid-file {self._path}: another guard runs with it; give each its own") from error
        self._write("")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)

    def tell(self, outcome: str) -> None:
        """A reload is over: ``DONE``, or why the old policy stays in force."""
        self._reloads += 1
        self._write(outcome.replace("\n", " "))

    def _write(self, outcome: str) -> None:
        text = f"{os.getpid()}\n{self._reloads}\n{outcome}\n".encode()
        os.pwrite(self._descriptor, text, 0)
        os.ftruncate(self._descriptor, len(text))


def ask_to_reload(path: Path, seconds: float) -> str:
    """Have the guard of this file read its policy and settings anew; what came of it. Raises ServiceError."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ServiceError(f"--pid-file {path}: can't be read: {error.strerror}; is a guard running?") from error
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            raise ServiceError(f"--pid-file {path}: no guard runs with it")
        process, reloads, _ = _read(descriptor, path)
        try:
            os.kill(process, signal.SIGHUP)
        except OSError as error:
            raise ServiceError(f"--pid-file {path}: process {process} can't be told: {error.strerror}") from error
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            _, now, outcome = _read(descriptor, path)
            if now != reloads:
                return outcome
            time.sleep(_POLL_SECONDS)
    finally:
        os.close(descriptor)
    raise ServiceError(f"process {process} was told to reload and says nothing for {seconds:g} s; see its journal")


def _read(descriptor: int, path: Path) -> tuple[int, int, str]:
    lines = os.pread(descriptor, 8192, 0).decode(errors="replace").split("\n")
    if len(lines) < 3 or not (lines[0].isdigit() and lines[1].isdigit()):
        raise ServiceError(f"--pid-file {path}: that is no guard's pid file")
    return int(lines[0]), int(lines[1]), lines[2]
