"""A private HAProxy in TCP mode before one server, with a PROXY header for it; in the foreground, without a daemon."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.real.private_server import free_port, until

_CONFIGURATION = """\
global
  maxconn 200
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen smtp
  bind 127.0.0.1:{port}
  server guard {host}:{server_port} {header}
"""


def missing() -> str:
    """Why no HAProxy can run here, or an empty string."""
    return "" if shutil.which("haproxy", path="/usr/sbin:/usr/bin") else "haproxy is not installed"


class PrivateHAProxy:
    """One instance before ``server``; ``header`` is ``send-proxy`` or ``send-proxy-v2``."""

    def __init__(self, server: tuple[str, int], header: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="smtpguard-haproxy-")
        self.address = ("127.0.0.1", free_port())
        path = Path(self._folder.name) / "haproxy.cfg"
        path.write_text(
            _CONFIGURATION.format(port=self.address[1], host=server[0], server_port=server[1], header=header)
        )
        program = shutil.which("haproxy", path="/usr/sbin:/usr/bin")
        assert program is not None
        self._process = subprocess.Popen([program, "-db", "-f", str(path)], stdin=subprocess.DEVNULL)
        until(self._listens, 20, "HAProxy's port")

    def _listens(self) -> bool:
        assert self._process.poll() is None, "HAProxy ended at once"
        with socket.socket() as probe:
            return probe.connect_ex(self.address) == 0

    def close(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(20)
        self._folder.cleanup()
