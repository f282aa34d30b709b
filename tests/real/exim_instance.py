"""A private Exim that sends: its own configuration, spool, log and mailbox for bounces, beside the host's own mail.

Debian's packages of Exim and Postfix exclude each other, so Exim is looked for unpacked in a folder of its own: that of
SMTPGUARD_EXIM, else /var/lib/exim4-smtpguard (``.ci/run`` prepares it). No daemon: the test submits and runs the queue.
Everything goes to one address on loopback, without DNS, by BDAT where CHUNKING is offered; the time-outs and the retry
time are short, so that Exim's own bounce comes within seconds. With ``tls``, the certificate
that it trusts, it sends by STARTTLS or not at all. What it does not do: receiving mail.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

FOLDER = Path(os.environ.get("SMTPGUARD_EXIM", "/var/lib/exim4-smtpguard"))
PROGRAM = FOLDER / "usr" / "sbin" / "exim4"
USER = "Debian-exim"  # compiled into Debian's binary
SENDER = "alice@client.example"

_TLS = """\
  hosts_require_tls = *
  tls_verify_certificates = {trusted}
  tls_verify_hosts = *
  tls_verify_cert_hostnames = :
"""

_CONFIGURE = """\
exim_path = {program}
keep_environment = LD_LIBRARY_PATH
spool_directory = {root}/spool
log_file_path = {root}/log/%slog
primary_hostname = client.example
queue_only
disable_ipv6
tls_advertise_hosts =
# Nothing is put on top of the message: the receiver's octets are to be the sender's.
received_header_text =

begin routers

author:
  driver = accept
  domains = client.example
  transport = bounces

everyone_else:
  driver = manualroute
  route_list = * 127.0.0.1
  self = send
  transport = out

begin transports

out:
  driver = smtp
  port = {port}
  hosts_try_chunking = *
{tls}
  connect_timeout = 5s
  command_timeout = 5s
  data_timeout = 5s
  final_timeout = {final_timeout}s

bounces:
  driver = appendfile
  directory = {root}/bounces
  maildir_format
  create_directory
  user = {user}

begin retry

* * F,{give_up}s,1s
"""


def missing() -> str:
    """Why no private Exim can run here, or an empty string."""
    if not PROGRAM.is_file():
        return f"there is no Exim at {PROGRAM}; .ci/run unpacks one, SMTPGUARD_EXIM names another folder"
    if os.geteuid() != 0:
        return "Exim changes to its own user, which takes root"
    try:
        pwd.getpwnam(USER)
    except KeyError:
        return f"Exim's user {USER} does not exist"
    return ""


def environment() -> dict[str, str]:
    """What an Exim unpacked in a folder of its own runs with: its libraries."""
    libraries = [str(path) for path in sorted(FOLDER.glob("**/lib/*-linux-gnu*"))]
    return {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": os.pathsep.join(libraries)}


class PrivateExim:
    """Sends everything to 127.0.0.1:``port``; gives a message up ``give_up`` seconds after its first failure."""

    def __init__(self, port: int, *, final_timeout: int = 2, give_up: int = 6, tls: Path | None = None) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="smtpguard-exim-", dir="/tmp"))
        self.root.chmod(0o755)
        account = pwd.getpwnam(USER)
        for folder in ("spool", "log", "bounces"):
            (self.root / folder).mkdir(mode=0o750)
            os.chown(self.root / folder, account.pw_uid, account.pw_gid)
        self._configure = self.root / "configure"
        self._configure.write_text(
            _CONFIGURE.format(
                root=self.root,
                program=PROGRAM,
                port=port,
                final_timeout=final_timeout,
                give_up=give_up,
                user=USER,
                tls="  hosts_avoid_tls = *" if tls is None else _TLS.format(trusted=tls),
            )
        )
        self._configure.chmod(0o644)

    def _exim(self, *arguments: str, given: bytes = b"") -> str:
        done = subprocess.run(
            [str(PROGRAM), "-C", str(self._configure), *arguments],
            env=environment(),
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=60,
            check=False,
        )
        said = done.stdout.decode(errors="replace")
        assert done.returncode == 0, f"exim {' '.join(arguments)}: {said}\n{self.log()}"
        return said

    def submit(self, content: bytes, *recipients: str) -> None:
        """Queue ``content`` (CRLF line ends; Exim keeps LF and sends CRLF) from ``SENDER``."""
        self._exim("-odq", "-oi", "-f", SENDER, *recipients, given=content.replace(b"\r\n", b"\n"))

    def run_queue(self) -> None:
        """Try everything in the queue once, due or not; returns when that is done."""
        self._exim("-qf")

    def queued(self) -> int:
        """Messages in the queue."""
        return int(self._exim("-bpc"))

    def bounces(self) -> list[bytes]:
        """What came back to the author."""
        folder = self.root / "bounces" / "new"
        return [path.read_bytes() for path in sorted(folder.iterdir())] if folder.is_dir() else []

    def run_until_bounced(self, seconds: float) -> bytes:
        """Run the queue again and again until the first bounce is there; AssertionError with the log if none comes."""
        limit = time.monotonic() + seconds
        while not (found := self.bounces()):
            assert time.monotonic() < limit, f"no bounce after {seconds:g} s\n{self.log()}"
            self.run_queue()
        return found[0]

    def log(self) -> str:
        """Its main log so far."""
        log = self.root / "log" / "mainlog"
        return log.read_text(errors="replace") if log.exists() else "(no log)"

    def remove(self) -> None:
        """Delete everything that it had; nothing of it runs between calls."""
        shutil.rmtree(self.root, ignore_errors=True)
