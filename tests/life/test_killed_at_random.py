"""Twenty thousand messages while the guard, its workers, the server and the client are killed at random moments: what
was acknowledged was delivered, always."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.life.processes import Receiver, Sender
from tests.real.guard_process import GuardProcess, select
from tests.real.postfix_instance import PrivatePostfix
from tests.real.private_server import free_port, until

MESSAGES = 20_000
SESSIONS = 40
SEED = 20031
DEATHS = {"guard": 5, "worker": 8, "server": 7, "client": 5}


def start_guard(upstream: tuple[str, int], port: int) -> GuardProcess:
    """On a port that the last guard's workers may still be leaving."""

    def attempt() -> GuardProcess | None:
        try:
            return GuardProcess(upstream, "strip-xexch50", "--workers", "2", listen=f"127.0.0.1:{port}")
        except AssertionError as error:
            if "in use" not in str(error) and "refused" not in str(error):
                raise
            return None

    return until(attempt, 60, "a guard that starts")


def test_twenty_thousand_messages(receiver: Receiver, start_sender: Callable[..., Sender]) -> None:
    random = Random(SEED)
    deaths = [what for what, count in DEATHS.items() for _ in range(count)]
    random.shuffle(deaths)
    port = free_port()
    guard = start_guard(receiver.address, port)
    began = time.monotonic()
    try:
        sender = start_sender(port, MESSAGES, SESSIONS)
        for number, what in enumerate(deaths):
            # Spread over the messages, each at a moment of its own.
            due = MESSAGES * 0.95 * (number + random.random()) / len(deaths)
            until(lambda due=due: len(sender.acknowledged()) >= due, 120, f"message {due:.0f}")
            time.sleep(random.uniform(0, 0.05))
            if what == "guard":
                guard.kill()
                guard.close()
                guard = start_guard(receiver.address, port)
            elif what == "worker":
                guard.kill_worker(random)
            elif what == "server":
                receiver.kill()
                time.sleep(random.uniform(0, 0.3))
                receiver.start()
            else:
                sender.kill()
                sender.start()
        until(lambda: sender.done, 120, "the sender's end")
        outcome = sender.end(stop=False)
    finally:
        guard.close()
    acknowledged, received = sender.acknowledged(), receiver.received()
    print(
        f"{len(set(acknowledged))} messages acknowledged, {len(received)} delivered, "
        f"{len(received) - len(set(received))} of them again; {len(deaths)} deaths: {DEATHS}; seed {SEED}; "
        f"{time.monotonic() - began:.0f} s; the last client's sessions: {outcome}"
    )
    assert set(acknowledged) == {str(number) for number in range(MESSAGES)}
    assert set(acknowledged) <= set(received)
    assert "bad" not in received


@pytest.mark.real
def test_before_a_real_postfix(own_postfix: PrivatePostfix, mailbox: str, start_sender: Callable[..., Sender]) -> None:
    """Fewer messages, with the same deaths, and Postfix's own power cut."""
    random = Random(SEED)
    messages = 400
    port = free_port()
    guard = start_guard(own_postfix.address, port)
    try:
        sender = start_sender(port, messages, 10, mailbox)
        for number, what in enumerate(("worker", "server", "guard", "client", "worker", "server")):
            due = messages * 0.9 * (number + random.random()) / 6
            until(lambda due=due: len(sender.acknowledged()) >= due, 120, f"message {due:.0f}")
            if what == "guard":
                guard.kill()
                guard.close()
                guard = start_guard(own_postfix.address, port)
            elif what == "worker":
                guard.kill_worker(random)
            elif what == "server":
                own_postfix.kill()
                own_postfix.start()
            else:
                sender.kill()
                sender.start()
        until(lambda: sender.done, 120, "the sender's end")
    finally:
        guard.close()
    acknowledged = {int(number) for number in sender.acknowledged()}
    assert acknowledged == set(range(messages))

    def delivered() -> set[int]:
        return {int(content.split(b" ", 2)[1]) for content in own_postfix.messages(mailbox)}

    until(lambda: acknowledged <= delivered(), 60, "every acknowledged message")
    print(f"{len(acknowledged)} acknowledged, {len(own_postfix.messages(mailbox))} delivered")


def test_a_worker_that_dies_is_replaced_and_its_records_stay_whole(
    receiver: Receiver, start_sender: Callable[..., Sender], tmp_path: Path
) -> None:
    guard = GuardProcess(receiver.address, "strip-xexch50", "--workers", "3")
    try:
        sender = start_sender(guard.address[1], 0, 20)
        until(lambda: len(sender.acknowledged()) > 100, 30, "the sender to get going")
        random = Random(1)
        for number in range(1, 4):
            guard.kill_worker(random)
            guard.wait_for(lambda lines, n=number: len(select(lines, "worker-started")) >= n, 30, "a new worker")
        outcome = sender.end()
        journal = guard.stop(40)
    finally:
        guard.close()
    assert len(select(journal, "worker-died")) == 3
    assert {line["worker"] for line in select(journal, "session")} == {1, 2, 3}
    assert len({line["session"] for line in select(journal, "session")}) == len(select(journal, "session"))
    assert outcome["messages"] > 100
    assert set(sender.acknowledged()) <= set(receiver.received())
