"""A private Exim that receives: a daemon of the Exim that ``exim_instance`` finds, with its own spool, log and port.

A message in the Maildir has one header on top, which says for whom. Exim runs here without set-uid bits: it is started
as root, goes to its own user, and delivers as that user. ``tls``: it offers STARTTLS, with a certificate for
mx.example in ``mx.example.pem``. What it does not do: DNS, relaying, sending.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from tests.real.exim_instance import PROGRAM, USER, environment
from tests.real.private_server import ForegroundServer
from tests.relay.tls_hosts import files

_CONFIGURE = """\
exim_path = {program}
keep_environment = LD_LIBRARY_PATH
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
primary_hostname = mx.test.example
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
pid_file_path = {root}/spool/exim.pid
notifier_socket =
disable_ipv6
deliver_drop_privilege
host_lookup =
rfc1413_hosts =
{tls}
message_size_limit = 0
acl_smtp_rcpt = accept domains = test.example
received_header_text =

begin routers

everyone:
  driver = accept
  domains = test.example
  transport = inbox

begin transports

inbox:
  driver = appendfile
  directory = {root}/mail
  maildir_format
  create_directory
  envelope_to_add
  user = {user}
"""

_NO_TLS = "tls_advertise_hosts ="
_TLS = """\
tls_advertise_hosts = *
tls_certificate = {root}/mx.example.pem
tls_privatekey = {root}/mx.example.key"""

_HEADER = b"Envelope-to: "


class PrivateEximReceiver(ForegroundServer):
    """One daemon; ``exim_instance.missing`` says whether it can run."""

    NAME = "Exim"

    def __init__(self, *, tls: bool = False) -> None:
        super().__init__("log/daemon")
        account = pwd.getpwnam(USER)
        for folder in ("spool", "log", "mail"):
            (self.root / folder).mkdir(mode=0o750)
            os.chown(self.root / folder, account.pw_uid, account.pw_gid)
        self._configure = self.root / "configure"
        offer = _NO_TLS
        if tls:
            offer = _TLS.format(root=self.root)
            for path in files(self.root, "mx.example"):
                os.chown(path, account.pw_uid, account.pw_gid)
        values = {"root": self.root, "program": PROGRAM, "port": self.port, "user": USER, "tls": offer}
        self._configure.write_text(_CONFIGURE.format(**values))
        self._configure.chmod(0o644)

    def _command(self) -> tuple[list[str], Mapping[str, str] | None]:
        return [str(PROGRAM), "-C", str(self._configure), "-bdf"], environment()

    def logs(self) -> list[Path]:
        """The daemon's own and Exim's."""
        return sorted((self.root / "log").iterdir())

    def _unwrap(self, stored: bytes) -> tuple[str, bytes]:
        first, content = stored.split(b"\n", 1)
        assert first.startswith(_HEADER), first
        return first[len(_HEADER) :].decode(), content.replace(b"\n", b"\r\n")
