"""A private Postfix: its own configuration, queue, data folder, log and port, beside whatever else the host runs.

A message in the Maildir has four headers on top: Return-Path, X-Original-To, Delivered-To and Postfix's own Received.
It needs root, because Postfix's master does. ``kill`` is the power cut. What it does not do: DNS, relaying, TLS.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.net.namespaces import Host
from tests.real.private_server import PrivateServer, free_port, until

SESSIONS = 220  # smtpd processes at once: 200 for the test of that name, and some that are just ending

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {root}/queue
data_directory = {root}/data
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
myhostname = mx.test.example
mydestination =
inet_interfaces = {addresses}
inet_protocols = {protocols}
mynetworks = 127.0.0.0/8
smtp_host_lookup = native
smtpd_peername_lookup = no
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = test.example
virtual_mailbox_maps = static:inbox/
virtual_mailbox_base = {root}/mail
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_mailbox_limit = 0
mailbox_size_limit = 0
message_size_limit = 0
smtputf8_enable = yes
smtputf8_autodetect_classes = all
local_header_rewrite_clients =
smtpd_discard_ehlo_keywords =
smtpd_forbid_bare_newline = no
smtpd_relay_restrictions = reject_unauth_destination
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_timeout = 300s
in_flow_delay = 0
"""

_MASTER_CF = """\
{listeners}
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
smtp unix - - n - - smtp
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


def missing() -> str:
    """Why no private Postfix can run here, or an empty string."""
    if shutil.which("postfix", path=_sbin_path()) is None:
        return "postfix is not installed"
    if os.geteuid() != 0:
        return "Postfix's master starts only as root"
    return ""


def _sbin_path() -> str:
    return os.environ.get("PATH", "") + os.pathsep + "/usr/sbin"


class PrivatePostfix(PrivateServer):
    """One instance; ``services`` says where its further ports are."""

    NAME = "Postfix"
    INBOX = "mail/inbox"

    def __init__(
        self,
        host: Host | None = None,
        addresses: tuple[str, ...] = ("127.0.0.1",),
        port: int = 0,
        options: tuple[str, ...] = (),
        settings: str = "",
        services: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """On ``host``, a namespace of the test's own, or on this machine. Port 0 takes a free one of 127.0.0.1.

        ``options`` are what master.cf gives smtpd behind ``-o``; ``services`` are further ports of 127.0.0.1, each with
        options of its own; ``settings`` go behind main.cf, with ``{root}`` for the instance's folder."""
        super().__init__(addresses[0], port)
        self._host = host
        self._behind_proxy = "smtpd_upstream_proxy_protocol=haproxy" in options
        nobody = pwd.getpwnam("nobody")
        postfix = pwd.getpwnam("postfix")
        for folder, uid in (("etc", 0), ("queue", 0), ("data", postfix.pw_uid), ("mail", nobody.pw_uid)):
            (self.root / folder).mkdir(mode=0o755)
            os.chown(self.root / folder, uid, nobody.pw_gid if folder == "mail" else 0)
        # postsuper gives up its rights before it writes down what a power cut left in the queue.
        log = self.root / "mail.log"
        log.touch(mode=0o644)
        os.chown(log, postfix.pw_uid, 0)
        values = {
            "root": self.root,
            "uid": nobody.pw_uid,
            "gid": nobody.pw_gid,
            "addresses": ", ".join(addresses),
            "protocols": "all" if any(":" in address for address in addresses) else "ipv4",
        }
        (self.root / "etc" / "main.cf").write_text((_MAIN_CF + settings).format(**values))
        smtpd = " -o ".join((f"inet n - n - {SESSIONS} smtpd", *options))
        listeners = "\n".join(f"[{address}]:{self.port} {smtpd}" for address in addresses)
        self.services = {name: ("127.0.0.1", free_port()) for name in services or {}}
        for name, own in (services or {}).items():
            listeners += f"\n127.0.0.1:{self.services[name][1]} " + " -o ".join(("inet n - n - - smtpd", *own))
        (self.root / "etc" / "master.cf").write_text(_MASTER_CF.format(listeners=listeners))

    def _postfix(self, command: str) -> subprocess.CompletedProcess[str]:
        start = ["postfix", "-c", str(self.root / "etc"), command]
        return subprocess.run(
            start if self._host is None else self._host.inside(*start),
            env={**os.environ, "PATH": _sbin_path()},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self) -> None:
        """Start it; RuntimeError with its log when it does not come up."""
        done = self._postfix("start")
        if done.returncode != 0:
            raise RuntimeError(f"Postfix did not start: {done.stdout}\n{self.log()}")
        network = contextlib.nullcontext() if self._host is None else self._host.entered()
        with network, socket.create_connection(self.address, timeout=30) as probe:
            probe.settimeout(30)
            if self._behind_proxy:
                probe.sendall(b"PROXY TCP4 127.0.0.1 127.0.0.1 1 1\r\n")
            if not probe.recv(512).startswith(b"220 "):
                raise RuntimeError(f"Postfix does not greet\n{self.log()}")

    def stop(self) -> None:
        """Stop it and wait until its last process has gone."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            master = self._master()
            self._postfix("stop")
            os.killpg(master, signal.SIGKILL)

    def kill(self) -> None:
        """The power cut: every process of the instance gets SIGKILL at once."""
        master = self._master()
        os.killpg(master, signal.SIGKILL)
        until(lambda: not _alive(master), 10, "Postfix's end")

    def _master(self) -> int:
        return int((self.root / "queue" / "pid" / "master.pid").read_text())

    def logs(self) -> list[Path]:
        """What postlogd writes."""
        return [self.root / "mail.log"]

    def clients(self) -> list[str]:
        """The client's address of each of its sessions so far, in order, as its log has them."""
        log = (self.root / "mail.log").read_text(errors="replace")
        return re.findall(r"smtpd\[\d+\]: connect from \S*\[([^]]+)\]", log)


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
