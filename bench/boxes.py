"""The boxes that can stand in the middle: what they are called, whether they are installed, how each is started."""

from __future__ import annotations

import shutil
import socket
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.peers import Peer, announced_peer, inheriting_peer

BARE = "bare"
HAPROXY = "haproxy"
GUARDS = {"pass": "pass", "strip": "strip-xexch50"}  # the name of a box to the policy of its guard

TITLES = {
    BARE: "bare uvloop relay",
    HAPROXY: "HAProxy, mode tcp",
    **{name: f"smtpguard {policy}" for name, policy in GUARDS.items()},
}

_HAPROXY_CONFIG = """\
global
    nbthread 1
    maxconn 4000
defaults
    mode tcp
    timeout connect 10s
    timeout client 10m
    timeout server 10m
listen smtp
    bind fd@{descriptor}
    server sink 127.0.0.1:{upstream}
"""


def haproxy_program() -> str | None:
    """Where HAProxy is, also where only root's PATH looks; None when it is not installed."""
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/local/sbin:/usr/sbin:/sbin")


@contextmanager
def started_boxes(names: list[str], upstream: int, folder: Path) -> Iterator[list[Peer]]:
    """Start the boxes in front of 127.0.0.1:``upstream``; their output goes to ``folder``."""
    with ExitStack() as stack:
        yield [stack.enter_context(_started(name, upstream, folder)) for name in names]


@contextmanager
def _started(name: str, upstream: int, folder: Path) -> Iterator[Peer]:
    if name == HAPROXY:
        with _started_haproxy(upstream, folder) as peer:
            yield peer
        return
    if name == BARE:
        command = [*own_program("bench.bare_relay"), "--upstream", str(upstream)]
    else:
        address = f"127.0.0.1:{upstream}"
        command = [_guard_program(), "serve", "--listen", "127.0.0.1:0", "--upstream", address]
        command += ["--policy", GUARDS[name]]
    with announced_peer(name, command, folder) as peer:
        yield peer


@contextmanager
def _started_haproxy(upstream: int, folder: Path) -> Iterator[Peer]:
    """A socket that we bound and HAProxy inherits: it cannot be told to listen on any free port."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        config = folder / "haproxy.cfg"
        config.write_text(_HAPROXY_CONFIG.format(descriptor=listener.fileno(), upstream=upstream))
        command = [haproxy_program() or HAPROXY, "-db", "-f", str(config)]
        with inheriting_peer(HAPROXY, command, folder, listener) as peer:
            yield peer


def own_program(module: str) -> list[str]:
    """How a module of the benchmark runs in a process of its own."""
    return [sys.executable, "-m", module]


def _guard_program() -> str:
    """The console script of the environment that the benchmark runs in."""
    return str(Path(sysconfig.get_path("scripts")) / "smtpguard")
