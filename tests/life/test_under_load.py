"""Reloads and drains while fifty sessions send without a pause: none of them notices more than a 421 between two
messages."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from pathlib import Path

from tests.life.processes import Receiver, Sender
from tests.real.guard_process import GuardProcess, select
from tests.real.private_server import until

SESSIONS = 50
RELOADS = 100
DRAINS = 20

_POLICIES = (
    "summary: one\nextends: strip-xexch50\n",
    "summary: two\nrules:\n  - id: hide\n    on: keyword\n    keyword: XEXCH50\n    then: strip\n",
)


def test_a_hundred_reloads(receiver: Receiver, tmp_path: Path, start_sender: Callable[..., Sender]) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text(_POLICIES[0])
    guard = GuardProcess(receiver.address, str(policy))
    try:
        sender = start_sender(guard.address[1], 0, SESSIONS)
        until(lambda: len(sender.acknowledged()) > 200, 30, "the sender to get going")
        for number in range(1, RELOADS + 1):
            broken = number % 10 == 0
            policy.write_text("rules: [unclosed\n" if broken else _POLICIES[number % 2])
            guard.signal(signal.SIGHUP)
            guard.wait_for(
                lambda lines, wanted=number: sum(
                    line["event"] in ("reloaded", "reload-failed") for line in lines
                ) >= wanted,
                30,
                f"the outcome of reload {number}",
            )  # fmt: skip
        outcome = sender.end()
        guard.terminate()
        guard.sessions(1)
        assert guard.wait_for(lambda lines: select(lines, "stopped"), 30, "its end")
        journal = guard.journal
        errors = guard.errors()
    finally:
        guard.close()
    print(f"{outcome['messages']} messages in sessions of {SESSIONS} clients during {RELOADS} reloads: {outcome}")
    assert (outcome["failed"], outcome["told"], outcome["reasons"]) == (0, 0, {})
    assert outcome["messages"] > 500
    assert set(sender.acknowledged()) <= set(receiver.received())
    assert "bad" not in receiver.received()
    assert len(select(journal, "reloaded")) == RELOADS * 9 // 10
    assert len(select(journal, "reload-failed")) == RELOADS // 10
    assert all("mine.yaml" in line["error"] for line in select(journal, "reload-failed"))
    assert errors.count("stays in force") == RELOADS // 10


def test_twenty_drains(receiver: Receiver, start_sender: Callable[..., Sender]) -> None:
    """The listening socket is held as systemd would hold it: each guard is followed by the next on the same one."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as held:
        descriptor = held.fileno()

        def start() -> GuardProcess:
            return GuardProcess(
                receiver.address, "strip-xexch50", listen="systemd", pass_fds=(descriptor,),
                before=("/bin/bash", "-c", f'export LISTEN_FDS=1 LISTEN_PID=$$; exec "$@" 3<&{descriptor}', "bash"),
            )  # fmt: skip

        guard = start()
        try:
            sender = start_sender(held.getsockname()[1], 0, SESSIONS)
            until(lambda: len(sender.acknowledged()) > 200, 30, "the sender to get going")
            for _ in range(DRAINS):
                after = start()
                guard.stop(30)
                guard.close()
                guard = after
                before = len(sender.acknowledged())
                until(lambda had=before: len(sender.acknowledged()) > had + 20, 30, "mail to go on")
            outcome = sender.end()
            guard.stop(30)
        finally:
            guard.close()
    print(f"{outcome['messages']} messages in sessions of {SESSIONS} clients during {DRAINS} drains: {outcome}")
    assert (outcome["failed"], outcome["reasons"]) == (0, {})
    assert outcome["told"] > 0
    assert set(sender.acknowledged()) <= set(receiver.received())
    assert "bad" not in receiver.received()
