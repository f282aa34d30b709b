"""systemd's side of a service: readiness, watchdog, sockets that it holds (sd_notify(3), sd_listen_fds(3)).

    systemd = Systemd.from_environment()
    systemd.notify("READY=1", "STATUS=relaying")        # nothing where nobody listens
    systemd.watchdog                                    # seconds between two WATCHDOG=1, or None

The variables are taken out of the environment, so that no child takes them for its own.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import MutableMapping
from dataclasses import dataclass

FIRST_DESCRIPTOR = 3  # SD_LISTEN_FDS_START


@dataclass(frozen=True, slots=True)
class Systemd:
    """What it handed over. ``address`` is where it wants to hear from us, ``watchdog`` how often, in seconds."""

    address: str = ""
    watchdog: float | None = None
    descriptors: int = 0

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> Systemd:
        """What is meant for this process; a value that makes no sense counts as none."""
        address = environment.pop("NOTIFY_SOCKET", "")
        interval = environment.pop("WATCHDOG_USEC", "")
        for_us = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        watchdog = int(interval) / 2_000_000 if for_us and interval.isdigit() and int(interval) > 0 else None
        count = environment.pop("LISTEN_FDS", "")
        ours = environment.pop("LISTEN_PID", "") == str(os.getpid())
        environment.pop("LISTEN_FDNAMES", None)
        return cls(address, watchdog, int(count) if ours and count.isdigit() else 0)

    def notify(self, *lines: str) -> None:
        """Tell it. Whether it listens is its own affair."""
        if not self.address:
            return
        # An address that begins with @ is an abstract one.
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as speaker:
            speaker.setblocking(False)
            with contextlib.suppress(OSError):
                speaker.sendto("\n".join(lines).encode(), address)

    def reloading(self) -> None:
        """A reload begins; READY=1 ends it. Type=notify-reload wants to know when (systemd 253)."""
        self.notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def sockets(self) -> list[socket.socket]:
        """The listening TCP sockets that it holds for us."""
        found = []
        for descriptor in range(FIRST_DESCRIPTOR, FIRST_DESCRIPTOR + self.descriptors):
            try:
                held = socket.socket(fileno=descriptor)
            except OSError:
                continue  # not a socket
            if held.family in (socket.AF_INET, socket.AF_INET6) and held.type == socket.SOCK_STREAM:
                held.setblocking(False)
                os.set_inheritable(descriptor, False)
                found.append(held)
            else:
                held.detach()
        return found
