"""SMTP smuggling before real servers: the attack of ``tests.protection.smuggling`` through ``smtpguard serve``.

Every attack has recipients of its own. When all sessions of a server are over and its queue is empty, what lies in the
mailboxes is what it took. Servers stand as their instances configure them: Postfix takes a bare LF for a line end
(``smtpd_forbid_bare_newline = no``, what it did before 2024), Exim and OpenSMTPD are as they come.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

from tests.protection.smuggling import POLICIES, Cells, text
from tests.real import exim_instance, opensmtpd_instance, postfix_instance
from tests.real.exim_receiver import PrivateEximReceiver
from tests.real.guard_process import GuardProcess
from tests.real.opensmtpd_instance import PrivateOpenSMTPD
from tests.real.postfix_instance import PrivatePostfix
from tests.real.private_server import DOMAIN, PrivateServer, until
from tests.real.raw_client import RawClient
from tests.smtp.false_ends import FALSE_ENDS

QUEUES = {
    "Postfix": ("queue/maildrop", "queue/incoming", "queue/active", "queue/deferred"),
    "Exim": ("spool/input",),
    "OpenSMTPD": ("spool/smtpd/queue", "spool/smtpd/incoming"),
}
INSTANCES: dict[str, tuple[Callable[[], str], Callable[[], PrivateServer]]] = {
    "Postfix": (postfix_instance.missing, PrivatePostfix),
    "Exim": (exim_instance.missing, PrivateEximReceiver),
    "OpenSMTPD": (opensmtpd_instance.missing, PrivateOpenSMTPD),
}


def attack(server: PrivateServer, kind: str, policy: str) -> dict[str, tuple[int, int]]:
    """By form: how many messages the server took of one, and the code that the client heard for it."""
    told: dict[str, int] = {}
    boxes: dict[str, tuple[str, str]] = {}
    guard = GuardProcess(server.address, policy)
    try:
        for name, form in FALSE_ENDS.items():
            boxes[name] = (f"{uuid4().hex}@{DOMAIN}", f"{uuid4().hex}@{DOMAIN}")
            told[name] = _one(guard.address, form, *boxes[name])
        guard.sessions(len(FALSE_ENDS))
    finally:
        guard.close()
    until(lambda: not any(_queued(server, kind)), 60, f"an empty queue of {kind}")
    return {name: (sum(len(server.messages(box)) for box in boxes[name]), told[name]) for name in FALSE_ENDS}


def _one(address: tuple[str, int], form: bytes, outer: str, inner: str) -> int:
    with RawClient(address) as client:
        client.greet()
        client.envelope(outer)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(text(form, outer.encode(), inner.encode()))
        code = client.code()
        if code // 100 == 2:
            client.send(b"QUIT\r\n")
        while client.reply():  # the smuggled commands are answered too, where there are any
            pass
        return code


def _queued(server: PrivateServer, kind: str) -> Iterator[Path]:
    for folder in QUEUES[kind]:
        yield from (path for path in (server.root / folder).rglob("*") if path.is_file())


def version(kind: str) -> str:
    """The server's own name for itself, as the page's columns have it; as much of it as Debian does not patch."""
    commands = {
        "Postfix": (["postconf", "-d", "mail_version"], {}),
        "Exim": ([str(exim_instance.PROGRAM), "-bV"], exim_instance.environment()),
        "OpenSMTPD": ([str(opensmtpd_instance.PROGRAM), "-h"], {}),
    }
    command, environment = commands[kind]
    said = subprocess.run(command, capture_output=True, text=True, env=environment or None, check=False)
    found = re.search(r"\d+\.\d+(?:\.\d+)*", said.stdout + said.stderr)
    return f"{kind} {found[0]}" if found else kind


def tried() -> Cells:
    """The columns of all real servers that can run here; none where one is missing, so that a page stays whole."""
    if any(missing() for missing, _ in INSTANCES.values()):
        return {}
    cells: Cells = {}
    for kind, (_, make) in INSTANCES.items():
        with make() as server:
            for policy in POLICIES:
                for name, (messages, _) in attack(server, kind, policy).items():
                    cells[policy, name, version(kind)] = str(messages)
    return cells
