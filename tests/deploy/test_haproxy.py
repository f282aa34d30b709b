"""HAProxy's configuration: HAProxy itself reads it, and runs it before two guards and a real Postfix."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from tests.deploy.places import DEPLOY, PATH, needs, output
from tests.real.guard_process import GuardProcess
from tests.real.postfix_instance import PrivatePostfix, missing
from tests.real.private_server import DOMAIN, free_port, until
from tests.real.raw_client import RawClient

pytestmark = pytest.mark.real

CONFIGURATION = DEPLOY / "haproxy" / "haproxy.cfg"
CLIENT = "127.0.0.2"
CONTENT = b"Subject: by way of a fleet\r\n\r\nhello\r\n"


class Fleet:
    """HAProxy, two guards started with ``options``, and Postfix behind them."""

    def __init__(self, folder: Path, postfix: PrivatePostfix, *options: str) -> None:
        self.postfix = postfix
        proxied = ("--proxy-protocol", "127.0.0.1", *options)
        self.guards = [GuardProcess(postfix.address, "pass", *proxied) for _ in range(2)]
        self.port = free_port()
        self._admin = folder / "admin.sock"
        self._log = (folder / "haproxy.log").open("wb")
        self._process = subprocess.Popen(
            [needs("haproxy"), "-db", "-f", CONFIGURATION],
            env={**os.environ, **environment(self._admin, self.port, *(guard.address[1] for guard in self.guards))},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def ask(self, command: str) -> str:
        """Of HAProxy's admin socket; nothing before it is there."""
        with socket.socket(socket.AF_UNIX) as admin:
            admin.settimeout(10)
            try:
                admin.connect(str(self._admin))
            except OSError:
                return ""
            admin.sendall(command.encode() + b"\n")
            return admin.makefile("rb").read().decode()

    def state(self, guard: str) -> tuple[str, int]:
        """UP, DRAIN, DOWN..., and its sessions now."""
        for line in self.ask("show stat").splitlines():
            fields = line.split(",")
            if fields[:2] == ["guards", guard]:
                return fields[17].split(" ")[0], int(fields[4])
        return "", 0

    def send(self, mailbox: str) -> bytes:
        """One message, in a connection of its own; the reply to its last dot."""
        with RawClient(("127.0.0.1", self.port), source=CLIENT) as client:
            client.greet()
            client.envelope(mailbox)
            assert client.ask(b"DATA").startswith(b"354 ")
            client.send(CONTENT + b".\r\n")
            reply = client.reply()
            client.bye()
            return reply

    def insist(self, mailbox: str) -> int:
        """Send a message again and again until it is taken; how many tries it took."""
        limit = time.monotonic() + 100
        tries = 0
        while time.monotonic() < limit:
            tries += 1
            try:
                if self.send(mailbox).startswith(b"250 "):
                    return tries
            except (AssertionError, OSError):
                time.sleep(0.05)  # a client that has lost its connection does not come back at once
        raise AssertionError(f"{mailbox}: refused {tries} times")

    def up(self) -> None:
        """Wait until HAProxy has found both guards."""
        for guard in ("guard1", "guard2"):
            until(lambda guard=guard: self.state(guard)[0] == "UP", 30, f"{guard} to be up")  # type: ignore[misc]

    def close(self) -> None:
        self._process.kill()
        self._process.wait(10)
        self._log.close()
        for guard in self.guards:
            guard.close()


def environment(admin: Path, port: int, *guards: int) -> dict[str, str]:
    """The variables of the configuration."""
    return {
        "HAPROXY_ADMIN_SOCKET": str(admin),
        "SMTP_LISTEN": f"127.0.0.1:{port}",
        **{f"GUARD{number}": f"127.0.0.1:{guard}" for number, guard in enumerate(guards, 1)},
    }


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    if reason := missing():
        pytest.skip(reason)
    needs("haproxy")
    with PrivatePostfix() as postfix:
        fleet = Fleet(tmp_path, postfix)
        try:
            yield fleet
        finally:
            fleet.close()


def test_haproxy_takes_the_configuration(tmp_path: Path) -> None:
    said = output(
        needs("haproxy"), "-c", "-f", CONFIGURATION, environment=environment(tmp_path / "admin.sock", 1, 2, 3)
    )
    assert "WARNING" not in said


def test_the_check_that_its_head_gives_works_as_it_is_written() -> None:
    needs("haproxy")
    lines = CONFIGURATION.read_text(encoding="utf-8").splitlines()
    commands = [line.lstrip("# ") for line in lines if line.startswith(("#   export ", "#   haproxy -c"))]
    assert len(commands) == 2
    done = subprocess.run(
        ["sh", "-ec", "\n".join(commands)], cwd=DEPLOY.parent, env={"PATH": PATH}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_guard_is_drained_and_stopped_under_load_and_no_message_fails(fleet: Fleet) -> None:
    fleet.up()
    mailbox = f"{uuid4().hex}@{DOMAIN}"
    with ThreadPoolExecutor(8) as pool:
        under_way = [pool.submit(fleet.send, mailbox) for _ in range(100)]
        until(lambda: sum(one.done() for one in under_way) >= 20, 30, "the first twenty")
        fleet.ask("set server guards/guard1 state drain")
        assert fleet.state("guard1")[0] == "DRAIN"
        until(lambda: fleet.state("guard1")[1] == 0, 30, "guard1's last session")
        drained = fleet.guards[0].stop()
        replies = [one.result(60) for one in under_way]
        replies += [fleet.send(mailbox) for _ in range(5)]
    assert all(reply.startswith(b"250 ") for reply in replies)
    assert len(fleet.postfix.wait_for(mailbox, 105)) == 105
    through_first = sum(line["messages_accepted"] for line in drained if line["event"] == "session")
    assert 0 < through_first < 105
    named = {line["client"].rpartition(":")[0] for line in drained if line.get("messages_accepted")}
    assert named == {CLIENT}


def test_a_guard_is_killed_under_load_and_what_was_acknowledged_is_there(fleet: Fleet) -> None:
    """Everything else the client sends again, and in the end all of it has arrived."""
    fleet.up()
    mailboxes = [f"{uuid4().hex}@{DOMAIN}" for _ in range(200)]
    with ThreadPoolExecutor(16) as pool:
        under_way = [pool.submit(fleet.insist, mailbox) for mailbox in mailboxes]
        until(lambda: sum(one.done() for one in under_way) >= 40, 30, "the first forty")
        fleet.guards[0].close()
        tries = [one.result(60) for one in under_way]
    assert max(tries) > 1, "nothing was under way when the guard was killed"
    for mailbox in mailboxes:
        fleet.postfix.wait_for(mailbox, 1)


def test_a_guard_whose_server_is_gone_is_out(fleet: Fleet) -> None:
    until(lambda: fleet.state("guard1")[0] == "UP", 30, "guard1 to be up")
    fleet.postfix.stop()
    until(lambda: fleet.state("guard1")[0] == "DOWN", 30, "guard1 to be down")
