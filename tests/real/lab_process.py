"""``smtpguard lab up`` as a user starts it: a process of its own, and the JSON lines on its standard output."""

from __future__ import annotations

import subprocess
import tempfile
import threading

from tests.real.guard_process import SMTPGUARD, GuardProcess, Line


class LabProcess(GuardProcess):
    """One lab; ``up`` is its first line, ``place`` says where one of its hosts listens."""

    def __init__(self, *arguments: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self._process = subprocess.Popen(
            [SMTPGUARD, "lab", "up", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        self._lines: list[Line] = []
        self._news = threading.Condition()
        self._ended = False
        self._terminated = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            self.up: Line = self.wait_for(lambda lines: lines[:1], 30, "the first line")[0]
            assert self.up["event"] == "up", self.up
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def end(self, seconds: float) -> int:
        """Its exit status, once it has ended by itself."""
        return self._process.wait(seconds)

    def place(self, host: str) -> tuple[str, int]:
        """Address and port of ``sender``, ``firewall`` or ``receiver``."""
        address, _, port = str(self.up[host]).rpartition(":")
        return address, int(port)

    def first(self, event: str, seconds: float = 30) -> Line:
        """The first line of that name, as soon as it is there."""
        found: list[Line] = self.wait_for(
            lambda lines: [line for line in lines if line["event"] == event], seconds, f"the event {event}"
        )
        return found[0]
