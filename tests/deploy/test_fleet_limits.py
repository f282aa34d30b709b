"""Two guards behind HAProxy count their clients together in one Redis; a guard that is killed under load costs no mail
that was acknowledged, and gives its places back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from tests.deploy.test_haproxy import CLIENT, Fleet
from tests.real.guard_process import select
from tests.real.postfix_instance import PrivatePostfix, missing
from tests.real.private_server import DOMAIN, until
from tests.relay.redis_process import RedisProcess, own_redis

pytestmark = pytest.mark.real

SESSIONS = 6


@pytest.fixture
def store() -> Iterator[RedisProcess]:
    with own_redis() as process:
        yield process


@pytest.fixture
def counting(tmp_path: Path, store: RedisProcess) -> Iterator[Fleet]:
    """A fleet that lets a client have so many sessions at once, whichever guard they are at."""
    if reason := missing():
        pytest.skip(reason)
    settings = tmp_path / "guard.yaml"
    settings.write_text(f"limits: {{client_sessions: {SESSIONS}, store: '{store.url}', store_deadline: 5}}\n")
    with ExitStack() as stack:
        fleet = Fleet(tmp_path, stack.enter_context(PrivatePostfix()), "--config", str(settings))
        stack.callback(fleet.close)
        fleet.up()
        yield fleet


def greeting(fleet: Fleet, stack: ExitStack) -> bytes:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", fleet.port), 20, (CLIENT, 0)))
    return stack.enter_context(connection.makefile("rb")).readline()


def test_a_client_has_its_sessions_over_both_guards(counting: Fleet, store: RedisProcess) -> None:
    with ExitStack() as stack:
        greetings = [greeting(counting, stack)[:3] for _ in range(SESSIONS + 2)]
        assert greetings == [b"220"] * SESSIONS + [b"421"] * 2
        refused = [line for guard in counting.guards for line in select(guard.journal, "session-refused")]
        until(lambda: all(counting.state(guard)[1] for guard in ("guard1", "guard2")), 10, "sessions at both guards")
        with redis.Redis.from_url(store.url) as client:
            assert client.zcard(f"smtpguard:client_sessions:{CLIENT}") == SESSIONS
    assert all(line["limit"] == "client_sessions" for line in refused)


def test_a_guard_is_killed_under_load(counting: Fleet) -> None:
    """Sixteen clients at one address want more sessions than it may have: refused, cut off, they come again."""
    mailboxes = [f"{uuid4().hex}@{DOMAIN}" for _ in range(120)]
    with ThreadPoolExecutor(16) as pool:
        under_way = [pool.submit(counting.insist, mailbox) for mailbox in mailboxes]
        until(lambda: sum(one.done() for one in under_way) >= 30, 60, "the first thirty")
        counting.guards[0].close()
        tries = [one.result(120) for one in under_way]
    assert max(tries) > 1
    for mailbox in mailboxes:
        counting.postfix.wait_for(mailbox, 1)
    assert select(counting.guards[1].journal, "session-refused") != []
    assert select(counting.guards[1].journal, "store-lost") == []
