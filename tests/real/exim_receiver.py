"""A private Exim that receives: a daemon of the Exim that ``exim_instance`` finds, with its own spool, log and port.

Every message for ``<anything>@test.example`` lands in one Maildir as Exim received it, below the one header that says
for whom. Exim runs here without set-uid bits: it is started as root, goes to its own user, and delivers as that user.
``start`` returns when the port answers. What it does not do: DNS, relaying, TLS, sending.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.real.exim_instance import PROGRAM, USER, environment
from tests.real.postfix_instance import free_port, until

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
tls_advertise_hosts =
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

_HEADER = b"Envelope-to: "


class PrivateEximReceiver:
    """One daemon below ``root``, which Exim's user can read; ``exim_instance.missing`` says whether it can run."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="smtpguard-exim-mx-", dir="/tmp"))
        self.root.chmod(0o755)
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        account = pwd.getpwnam(USER)
        for folder in ("spool", "log", "mail"):
            (self.root / folder).mkdir(mode=0o750)
            os.chown(self.root / folder, account.pw_uid, account.pw_gid)
        configure = self.root / "configure"
        configure.write_text(_CONFIGURE.format(root=self.root, program=PROGRAM, port=self.port, user=USER))
        configure.chmod(0o644)
        self._process: subprocess.Popen[bytes] | None = None
        self._read: dict[str, tuple[str, bytes]] = {}

    def start(self) -> None:
        """Start it; AssertionError with its log when it does not greet within 30 seconds."""
        with (self.root / "log" / "daemon").open("ab") as log:
            self._process = subprocess.Popen(
                [str(PROGRAM), "-C", str(self.root / "configure"), "-bdf"],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(self._greets, 30, "Exim's greeting")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def _greets(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"Exim ended at once\n{self.log()}"
        try:
            with socket.create_connection(self.address, timeout=10) as probe:
                return probe.recv(512).startswith(b"220 ")
        except ConnectionRefusedError:
            return False

    def stop(self) -> None:
        """End every process of it; safe to call twice."""
        if self._process is None:
            return
        group = self._process.pid
        self._process.terminate()
        try:
            self._process.wait(20)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
            self._process = None

    def remove(self) -> None:
        """Stop it and delete everything that it had."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def log(self) -> str:
        """The last lines of its logs, for a failure's message."""
        logs = sorted((self.root / "log").iterdir())
        return "\n".join("\n".join(log.read_text(errors="replace").splitlines()[-20:]) for log in logs)

    def messages(self, mailbox: str) -> list[bytes]:
        """The contents delivered to ``mailbox`` so far, as the client sent them (CRLF, no dot-stuffing)."""
        folder = self.root / "mail" / "new"
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name not in self._read:
                first, content = path.read_bytes().split(b"\n", 1)
                assert first.startswith(_HEADER), first
                self._read[path.name] = first[len(_HEADER) :].decode(), content.replace(b"\n", b"\r\n")
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
            raise AssertionError(f"{error}\n{self.log()}") from None
