"""``smtpguard lab up`` as a user starts it: a process of its own, and the JSON lines on its standard output."""

from __future__ import annotations

from tests.real.guard_process import SMTPGUARD, GuardProcess, Line


class LabProcess(GuardProcess):
    """One lab; ``up`` is its first line, ``place`` says where one of its hosts listens."""

    def __init__(self, *arguments: str) -> None:
        self.up = self._start("up", SMTPGUARD, "lab", "up", *arguments)

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
