"""A Redis of the test's own, on a socket in a folder of its own; nothing is kept."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.real.private_server import until


class RedisProcess:
    """``url`` is where it answers; ``stop`` and ``start`` as often as wanted, ``freeze`` to answer nobody."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "redis.sock"
        self.url = f"unix://{self._socket}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        self._process = subprocess.Popen(
            [
                "redis-server", "--port", "0", "--unixsocket", str(self._socket), "--save", "", "--appendonly", "no",
                "--dir", str(self._socket.parent),
            ],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        until(self._answers, 30, "Redis")

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def stop(self) -> None:
        """Killed; everything is forgotten."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)
            self._process = None

    def signal(self, number: int) -> None:
        """SIGSTOP and SIGCONT: it takes connections and answers nobody."""
        assert self._process is not None
        self._process.send_signal(number)


@contextmanager
def own_redis() -> Iterator[RedisProcess]:
    """One that runs; skips where none is installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    with tempfile.TemporaryDirectory(prefix="smtpguard-redis-") as folder:
        process = RedisProcess(Path(folder))
        try:
            process.start()
            yield process
        finally:
            process.stop()
