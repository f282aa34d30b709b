"""What systemd hands over, and what it is told."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from smtpguard.service.systemd import Systemd


def test_without_systemd_nothing_happens() -> None:
    systemd = Systemd.from_environment({})
    assert systemd == Systemd()
    systemd.notify("READY=1")
    assert systemd.sockets() == []


def test_the_variables_are_read_and_taken_away() -> None:
    mine = str(os.getpid())
    environment = {
        "NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": mine, "LISTEN_FDS": "2",
        "LISTEN_PID": mine, "LISTEN_FDNAMES": "a:b", "PATH": "/bin",
    }  # fmt: skip
    assert Systemd.from_environment(environment) == Systemd("/run/x", 15.0, 2)
    assert environment == {"PATH": "/bin"}


def test_what_is_meant_for_another_process_is_left() -> None:
    environment = {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1", "LISTEN_FDS": "2", "LISTEN_PID": "1"}
    assert Systemd.from_environment(environment) == Systemd()
    assert Systemd.from_environment({"WATCHDOG_USEC": "soon", "LISTEN_FDS": "x", "LISTEN_PID": "y"}) == Systemd()


def test_it_is_told(tmp_path: Path) -> None:
    for address in (str(tmp_path / "notify"), f"@smtpguard-test-{os.getpid()}"):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind("\0" + address[1:] if address.startswith("@") else address)
            listener.settimeout(5)
            systemd = Systemd(address)
            systemd.notify("READY=1", "STATUS=well")
            assert listener.recv(100) == b"READY=1\nSTATUS=well"
            systemd.reloading()
            first, second = listener.recv(100).split(b"\n")
            assert first == b"RELOADING=1"
            assert second.startswith(b"MONOTONIC_USEC=")
    Systemd(str(tmp_path / "nobody")).notify("READY=1")


_CHILD = """
from smtpguard.service.systemd import Systemd
import os
os.environ["LISTEN_PID"] = str(os.getpid())
found = Systemd.from_environment().sockets()
print(len(found), *(held.getsockname()[1] for held in found))
"""


def test_sockets_are_found_from_the_third_descriptor_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        out = subprocess.run(
            [
                "/bin/bash", "-c", f'exec 3<&{tcp.fileno()} 4<&{udp.fileno()} 5</dev/null; exec "$0" -c "$1"',
                sys.executable, _CHILD,
            ],
            env={**os.environ, "LISTEN_FDS": "3"}, pass_fds=(tcp.fileno(), udp.fileno()), capture_output=True,
            text=True, timeout=60, check=True,
        ).stdout  # fmt: skip
        assert out.split() == ["1", str(tcp.getsockname()[1])]
