"""A private OpenSMTPD that receives: its own configuration, queue, mail and port, beside the host's own mail.

Debian's mail servers exclude each other as packages, so OpenSMTPD is looked for unpacked in a folder of its own: that
of SMTPGUARD_OPENSMTPD, else /var/lib/opensmtpd-smtpguard (``.ci/run`` prepares it and makes its two users). Its paths
are compiled in, so it runs in a mount namespace in which they are its own, and in a namespace of processes, so that all
of them can be ended; that takes root. Every message for ``<anything>@test.example`` lands in one Maildir as OpenSMTPD
received it, below the headers that it puts on top. A message without Date or Message-ID gets them added inside.
``start`` returns when the port answers; ``stop`` ends every process. What it does not do: DNS, and TLS as a server.
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

from tests.real.postfix_instance import DOMAIN, free_port, until

FOLDER = Path(os.environ.get("SMTPGUARD_OPENSMTPD", "/var/lib/opensmtpd-smtpguard"))
PROGRAM = FOLDER / "usr" / "sbin" / "smtpd"
USERS = ("opensmtpd", "opensmtpq")  # compiled into Debian's binary

_SMTPD_CONF = """\
smtp max-message-size 100M
listen on 127.0.0.1 port {port} hostname mx.test.example
action "inbox" maildir "{root}/mail" virtual {{ "@" = nobody }}
match from any for domain "{domain}" action "inbox"
"""

_RELAY = """\
action "out" relay host smtp+tls://127.0.0.1:{port} tls no-verify
match from any for domain "{domain}" action "out"
"""

# Seen by this process and its children alone. The package's folder may lie below a covered one, so it comes first.
_IN_ITS_OWN_ROOMS = """\
set -e
cd "$1"
mount --bind "$2" box
mount --bind box/usr/libexec /usr/libexec
mount --bind resolv.conf /etc/resolv.conf
mount --bind spool /var/spool
mount --bind run /run
mount --bind lib /var/lib
LD_LIBRARY_PATH=$(echo "$1"/box/lib/*-linux-gnu* "$1"/box/usr/lib/*-linux-gnu* | tr ' ' :)
export LD_LIBRARY_PATH
exec "$1/box/usr/sbin/smtpd" -d -v -f "$1/smtpd.conf"
"""


def missing() -> str:
    """Why no private OpenSMTPD can run here, or an empty string."""
    if not PROGRAM.is_file():
        return f"there is no OpenSMTPD at {PROGRAM}; .ci/run unpacks one, SMTPGUARD_OPENSMTPD names another folder"
    if os.geteuid() != 0:
        return "OpenSMTPD starts only as root"
    for user in USERS:
        try:
            pwd.getpwnam(user)
        except KeyError:
            return f"OpenSMTPD's user {user} does not exist"
    return ""


class PrivateOpenSMTPD:
    """One instance below ``root``, which is readable by OpenSMTPD's users."""

    def __init__(self, relay: int | None = None) -> None:
        """``relay``: it sends what it takes to this port of 127.0.0.1, by STARTTLS or not at all."""
        self.root = Path(tempfile.mkdtemp(prefix="smtpguard-opensmtpd-", dir="/tmp"))
        self.root.chmod(0o755)
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        for folder in ("box", "spool", "run", "lib/opensmtpd/empty", "mail"):
            (self.root / folder).mkdir(mode=0o755, parents=True)
        (self.root / "spool" / "smtpd").mkdir(mode=0o711)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.root / "mail", nobody.pw_uid, nobody.pw_gid)
        # It asks for the client's name before it greets: /etc/hosts alone may answer.
        (self.root / "resolv.conf").write_text("lookup file\n")
        configuration = self.root / "smtpd.conf"
        text = _SMTPD_CONF.format(port=self.port, root=self.root, domain=DOMAIN)
        if relay is not None:
            keep, _, _ = text.partition("action")
            text = keep + _RELAY.format(port=relay, domain=DOMAIN)
        configuration.write_text(text)
        configuration.chmod(0o600)  # it takes no file that others may write
        self._process: subprocess.Popen[bytes] | None = None
        self._read: dict[str, tuple[str, bytes]] = {}

    def start(self) -> None:
        """Start it; AssertionError with its log when it does not greet within 30 seconds."""
        with (self.root / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "unshare",
                    "--mount",
                    "--pid",
                    "--fork",
                    "--kill-child",
                    "sh",
                    "-c",
                    _IN_ITS_OWN_ROOMS,
                    "sh",
                    str(self.root),
                    str(FOLDER),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            until(self._greets, 30, "OpenSMTPD's greeting")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log()}") from None

    def _greets(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"OpenSMTPD ended at once\n{self.log()}"
        try:
            with socket.create_connection(self.address, timeout=10) as probe:
                return probe.recv(512).startswith(b"220 ")
        except ConnectionRefusedError:
            return False

    def stop(self) -> None:
        """End every process of it; safe to call twice."""
        if self._process is None:
            return
        # The first process of its namespace is gone when all are, deliveries in sessions of their own included.
        own = self._process.pid
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            for child in Path(f"/proc/{own}/task/{own}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
        try:
            self._process.wait(20)
        finally:
            self._process.kill()
            self._process = None

    def remove(self) -> None:
        """Stop it and delete everything that it had."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    def log(self) -> str:
        """The last lines of its log, for a failure's message."""
        return "\n".join((self.root / "log").read_text(errors="replace").splitlines()[-40:])

    def messages(self, mailbox: str) -> list[bytes]:
        """The contents delivered to ``mailbox`` so far, as the client sent them (CRLF, no dot-stuffing)."""
        folder = self.root / "mail" / "new"
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name not in self._read:
                self._read[path.name] = _unwrap(path.read_bytes())
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


def _unwrap(stored: bytes) -> tuple[str, bytes]:
    """The recipient and the original content of a file that mail.maildir wrote.

    OpenSMTPD prepends Return-Path, Delivered-To and its own Received, folded over several lines.
    """
    lines = stored.split(b"\n")
    recipient = next(line for line in lines if line.startswith(b"Delivered-To: "))[len(b"Delivered-To: ") :]
    top = next(number for number, line in enumerate(lines) if line.startswith(b"Received: ")) + 1
    while lines[top].startswith((b"\t", b" ")):
        top += 1
    return recipient.decode(), b"\r\n".join(lines[top:])
