"""Hosts of a test's own: network namespaces joined by veth pairs, made under unique names and always removed.

``World`` makes them and, at its end, kills whatever still runs in one and deletes it; the veth pairs go with them.
It needs root and iproute2 (``missing`` says so). Nothing here reaches the network of the machine.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from uuid import uuid4

SMTPGUARD = str(Path(sys.executable).with_name("smtpguard"))
PATH = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
SECONDS = 60
_CLONE_NEWNET = 0x40000000  # linux/sched.h


def missing(*programs: str) -> str:
    """Why no namespace can be had here, or an empty string."""
    for program in ("ip", *programs):
        if shutil.which(program, path=PATH) is None:
            return f"{program} is not installed"
    if os.geteuid() != 0:
        return "network namespaces take root"
    name = f"sg-{uuid4().hex[:8]}"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, timeout=SECONDS, check=False)
    if made.returncode != 0:
        return f"network namespaces can't be made here: {made.stderr.strip()}"
    subprocess.run(["ip", "netns", "del", name], timeout=SECONDS, check=True)
    return ""


@cache
def unprivileged(*capabilities: str) -> tuple[str, ...]:
    """What to put before a command so that it runs with these capabilities (net_admin, ...) and nothing else of root's.

    As nobody, ambient as systemd gives them; where nobody can't reach the checkout, as a root who has lost the others.
    """
    kept = ",".join(("-all", *(f"+{name}" for name in capabilities)))
    bounded = ("setpriv", "--bounding-set", kept, "--inh-caps", kept, "--no-new-privs")
    nobody = ("--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--ambient-caps", kept)
    reached = subprocess.run(
        [*bounded, *nobody, SMTPGUARD, "--version"], capture_output=True, timeout=SECONDS, check=False
    )
    return (*bounded, *nobody) if reached.returncode == 0 else bounded


class Host:
    """One namespace; its name is unique on this machine."""

    def __init__(self, role: str) -> None:
        self.name = f"sg-{uuid4().hex[:8]}-{role}"
        done = subprocess.run(
            ["ip", "netns", "add", self.name], capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        self.run("ip", "link", "set", "lo", "up")

    def inside(self, *command: str) -> list[str]:
        """The command line that runs ``command`` in this host."""
        return ["ip", "netns", "exec", self.name, *command]

    def attempt(self, *command: str, given: str = "") -> subprocess.CompletedProcess[str]:
        """Run it here, whatever comes of it."""
        return subprocess.run(
            self.inside(*command),
            env={**os.environ, "PATH": PATH},
            input=given,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def run(self, *command: str, given: str = "") -> str:
        """Run it here, expect status 0, and return its standard output."""
        done = self.attempt(*command, given=given)
        assert done.returncode == 0, f"{' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def network(self) -> str:
        """Everything that interception could leave behind: the ruleset, the rules and all routes of both families."""
        return "\n".join(
            (
                self.run("nft", "list", "ruleset"),
                *(self.run("ip", family, "rule") for family in ("-4", "-6")),
                *(self.run("ip", family, "route", "show", "table", "all") for family in ("-4", "-6")),
            )
        )

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets that this thread opens meanwhile belong to this host, and stay there."""
        with Path("/proc/self/ns/net").open("rb") as home, Path("/run/netns", self.name).open("rb") as there:
            _set_network(there.fileno())
            try:
                yield
            finally:
                _set_network(home.fileno())

    def remove(self) -> None:
        """Kill what runs here and delete the namespace."""
        limit = time.monotonic() + 10
        while pids := subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, text=True, timeout=SECONDS, check=False
        ).stdout.split():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
            if time.monotonic() > limit:
                break
            time.sleep(0.05)
        subprocess.run(["ip", "netns", "del", self.name], capture_output=True, timeout=SECONDS, check=False)


def _set_network(namespace: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class World:
    """The hosts of one test."""

    def __init__(self) -> None:
        self._hosts: list[Host] = []

    def __enter__(self) -> World:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in reversed(self._hosts):
            host.remove()

    def host(self, role: str) -> Host:
        """One more host."""
        host = Host(role)
        self._hosts.append(host)
        return host

    def join(self, left: tuple[Host, str, tuple[str, ...]], right: tuple[Host, str, tuple[str, ...]]) -> None:
        """A cable between two hosts: at each end an interface's name and its addresses with their lengths."""
        (one, first, _), (other, second, _) = left, right
        one.run("ip", "link", "add", first, "type", "veth", "peer", "name", second, "netns", other.name)
        for host, interface, addresses in (left, right):
            # Neighbour discovery needs a link-local address; the kernel's own would turn up later, in routes too.
            host.run("ip", "link", "set", interface, "addrgenmode", "none")
            for address in (*addresses, "fe80::1/64" if host is one else "fe80::2/64"):
                # nodad: an IPv6 address can be used at once.
                nodad = ("nodad",) if ":" in address else ()
                host.run("ip", "address", "add", address, "dev", interface, *nodad)
            host.run("ip", "link", "set", interface, "up")
