"""Starts what a run needs, each in a process of its own, and ends it again by its process id.

A peer says on standard output where it listens, as ``smtpguard serve`` does; HAProxy is handed a socket that already
listens instead. The standard output of every peer goes to a file, which is where an administrator's service manager
or shell would put the guard's journal.
"""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

_START_SECONDS = 10.0
_STOP_SECONDS = 5.0
_LOOK_EVERY = 0.01


@dataclass(frozen=True, slots=True)
class Peer:
    """A running process: where it listens on 127.0.0.1 and what the kernel calls it."""

    name: str
    port: int
    pid: int


@contextmanager
def announced_peer(name: str, command: Sequence[str], folder: Path) -> Iterator[Peer]:
    """Run ``command``, whose first line of output is ``{"event": "listening", "port": N, …}``.

    Raises BenchError with the last line of its standard error when it ends instead.
    """
    with _running(name, command, folder) as process:
        yield Peer(name, _announced_port(name, process, folder), process.pid)


@contextmanager
def inheriting_peer(name: str, command: Sequence[str], folder: Path, listener: socket.socket) -> Iterator[Peer]:
    """Run ``command``, which has been told to accept on the file descriptor of ``listener``."""
    with _running(name, command, folder, listener) as process:
        yield Peer(name, listener.getsockname()[1], process.pid)


@contextmanager
def _running(
    name: str, command: Sequence[str], folder: Path, listener: socket.socket | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    inherited = (listener.fileno(),) if listener else ()
    with _output(name, folder).open("wb") as output, _errors(name, folder).open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, pass_fds=inherited)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _announced_port(name: str, process: subprocess.Popen[bytes], folder: Path) -> int:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        line, end, _ = _output(name, folder).read_bytes().partition(b"\n")
        if end:
            return int(json.loads(line)["port"])
        if process.poll() is not None:
            said = _errors(name, folder).read_text(errors="replace").strip().splitlines()
            raise BenchError(f"{name} ended with status {process.returncode}: {said[-1] if said else 'no word'}")
        time.sleep(_LOOK_EVERY)
    raise BenchError(f"{name} did not say within {_START_SECONDS:g} s where it listens")


def _output(name: str, folder: Path) -> Path:
    return folder / f"{name}.out"


def _errors(name: str, folder: Path) -> Path:
    return folder / f"{name}.err"
