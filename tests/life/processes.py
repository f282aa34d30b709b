"""The processes of these tests: a receiver and senders that may be killed and started again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def _module(name: str, *arguments: object, recipient: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", name, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **({"SENDER_RECIPIENT": recipient} if recipient else {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )


class Receiver:
    """A server that writes down what it takes; on one port all its lives long."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "received"
        self.port = 0
        self.start()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def start(self) -> None:
        """Returns when it listens."""
        self._process = _module("tests.life.receiver", self.port, self.path)
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def received(self) -> list[str]:
        """The numbers of the messages that it took, in order; ``bad`` for one that was not whole."""
        return self.path.read_text().split() if self.path.exists() else []


class Sender:
    """A client; ``acknowledged`` are the numbers that it was told 250 for, in all its lives."""

    def __init__(self, port: int, folder: Path, count: int, sessions: int, recipient: str = "") -> None:
        self._path = folder / "acknowledged"
        self._arguments = (port, self._path, count, sessions)
        self._recipient = recipient
        self.start()

    def start(self) -> None:
        """Go on with what is left."""
        self._process = _module("tests.life.sender", *self._arguments, recipient=self._recipient)

    @property
    def done(self) -> bool:
        """Whether it has ended by itself."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """SIGKILL."""
        self._process.kill()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def end(self, seconds: float = 60, *, stop: bool = True) -> dict[str, Any]:
        """What became of its sessions, behind SIGTERM where it runs until then."""
        if stop:
            self._process.send_signal(signal.SIGTERM)
        out, _ = self._process.communicate(timeout=seconds)
        assert self._process.returncode == 0
        found: dict[str, Any] = json.loads(out)
        return {"messages": 0, "told": 0, "failed": 0, **found}

    def acknowledged(self) -> list[str]:
        return self._path.read_text().split() if self._path.exists() else []
