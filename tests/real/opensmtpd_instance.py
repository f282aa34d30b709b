"""A private OpenSMTPD that receives: its own configuration, queue, mail and port, beside the host's own mail.

Debian's mail servers exclude each other as packages, so OpenSMTPD is looked for unpacked in a folder of its own: that
of SMTPGUARD_OPENSMTPD, else /var/lib/opensmtpd-smtpguard (``.ci/run`` prepares it and makes its two users). Its paths
are compiled in, so it runs in a mount namespace in which they are its own, and in a namespace of processes, so that all
of them can be ended; that takes root. A message without Date or Message-ID gets them added inside. What it does not do:
DNS, and TLS as a server.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.real.private_server import DOMAIN, ForegroundServer

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


class PrivateOpenSMTPD(ForegroundServer):
    """One instance; Return-Path, Delivered-To and Received are on top of what it stores."""

    NAME = "OpenSMTPD"

    def __init__(self, relay: int | None = None) -> None:
        """``relay``: it sends what it takes to this port of 127.0.0.1, by STARTTLS or not at all."""
        super().__init__("log")
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

    def _command(self) -> tuple[list[str], Mapping[str, str] | None]:
        namespaces = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*namespaces, "sh", "-c", _IN_ITS_OWN_ROOMS, "sh", str(self.root), str(FOLDER)], None

    def _ask_to_end(self, process: subprocess.Popen[bytes]) -> None:
        # The first process of its namespace is gone when all are, deliveries in sessions of their own included.
        own = process.pid
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            for child in Path(f"/proc/{own}/task/{own}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)

    def logs(self) -> list[Path]:
        """What it says with -v."""
        return [self._said]
