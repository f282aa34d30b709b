"""What the private mail servers have in common: a folder, a port and a Maildir of their own, and how one is awaited.

    with PrivatePostfix() as postfix:           # it greets
        ...
                                                # every process of it is gone, and its folder

Every message for ``<anything>@test.example`` lands in the Maildir as the server received it, below what the server puts
on top. Whatever is waited for in vain is an AssertionError that shows the end of the server's log. What a server is
configured with, how it is started and how ended, stands in a file of its own.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self, TypeVar

T = TypeVar("T")

_DRAW = random.SystemRandom()  # workers side by side must not draw the same

DOMAIN = "test.example"


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now, and that no outgoing connection takes until the server does: the
    kernel picks theirs from a range that begins above."""
    lowest_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = _DRAW.randrange(10_000, lowest_outgoing)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def until(condition: Callable[[], T], seconds: float, what: str) -> T:
    """The first true value of ``condition``, asked every 20 ms; AssertionError naming ``what`` after ``seconds``."""
    limit = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > limit:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.02)


class PrivateServer(ABC):
    """One server below ``root``, which the server's own users can read."""

    NAME: ClassVar[str]
    INBOX: ClassVar[str] = "mail"
    """The Maildir, below ``root``."""

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        """Port 0 takes a free one of 127.0.0.1."""
        self.root = Path(tempfile.mkdtemp(prefix=f"smtpguard-{self.NAME.lower()}-", dir="/tmp"))
        self.root.chmod(0o755)
        self.port = port or free_port()
        self.address = (address, self.port)
        self._read: dict[str, tuple[str, bytes]] = {}

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    @abstractmethod
    def start(self) -> None:
        """Start it; returns when it greets, and raises with its log when it does not."""

    @abstractmethod
    def stop(self) -> None:
        """End every process of it; safe to call twice."""

    @abstractmethod
    def logs(self) -> list[Path]:
        """The files that it logs to."""

    def remove(self) -> None:
        """Stop it and delete everything that it had."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def log(self) -> str:
        """The last lines of its logs, for a failure's message."""
        logs = [log for log in self.logs() if log.exists()]
        lines = [line for log in logs for line in log.read_text(errors="replace").splitlines()[-40:]]
        return "\n".join(lines) or "(no log)"

    def messages(self, mailbox: str) -> list[bytes]:
        """The contents delivered to ``mailbox`` so far, as the client sent them (CRLF, no dot-stuffing)."""
        folder = self.root / self.INBOX / "new"
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name not in self._read:
                self._read[path.name] = self._unwrap(path.read_bytes())
        return [content for recipient, content in self._read.values() if recipient == mailbox]

    def wait_for(self, mailbox: str, count: int, seconds: float = 60) -> list[bytes]:
        """``messages(mailbox)`` as soon as there are ``count`` of them; AssertionError with its log if not."""
        try:
            return until(
                lambda: found if len(found := self.messages(mailbox)) >= count else [],
                seconds,
                f"{count} messages to {mailbox}",
            )
        except AssertionError as error:
            got = len(self.messages(mailbox))
            raise AssertionError(f"{error}; there are {got}\n{self.log()}") from None

    def _unwrap(self, stored: bytes) -> tuple[str, bytes]:
        """The recipient and the original content of a file of the Maildir.

        Delivered-To says for whom. Of what the server prepends its own Received, folded over several lines, is last.
        """
        lines = stored.split(b"\n")
        recipient = next(line for line in lines if line.startswith(b"Delivered-To: "))[len(b"Delivered-To: ") :]
        top = next(number for number, line in enumerate(lines) if line.startswith(b"Received: ")) + 1
        while lines[top].startswith((b"\t", b" ")):
            top += 1
        return recipient.decode(), b"\r\n".join(lines[top:])


class ForegroundServer(PrivateServer):
    """One that is a child of the test, not a daemon; what it says goes to the file ``said``."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self._said = self.root / said
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _command(self) -> tuple[list[str], Mapping[str, str] | None]:
        """What starts it, and its environment; None for ours."""

    def start(self) -> None:
        """Start it; AssertionError with its log when it does not greet within 30 seconds."""
        command, environment = self._command()
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
            )
        try:
            until(self._greets, 30, f"{self.NAME}'s greeting")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def _greets(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.NAME} ended at once"
        try:
            with socket.create_connection(self.address, timeout=10) as probe:
                return probe.recv(512).startswith(b"220 ")
        except ConnectionRefusedError:
            return False

    def stop(self) -> None:
        """End every process of it; safe to call twice."""
        if self._process is None:
            return
        self._ask_to_end(self._process)
        try:
            self._process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None

    def _ask_to_end(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
