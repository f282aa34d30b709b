"""What must be there before mail depends on the guard; nothing is asked for that nobody configured."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from smtpguard.service.dependencies import find_store, find_upstream
from smtpguard.service.errors import ServiceError
from smtpguard.service.orders import Orders, read
from tests.real.private_server import free_port
from tests.relay.redis_process import own_redis
from tests.service.ordering import orders


def with_store(folder: Path, url: str) -> Orders:
    config = folder / "guard.yaml"
    config.write_text(f"limits: {{client_sessions: 2, store: '{url}', store_deadline: 0.3}}\n")
    return orders(config=config)


def find(asked: Orders) -> None:
    asyncio.run(find_store(asked, read(asked)))


def test_an_upstream_that_accepts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        asyncio.run(find_upstream(listener.getsockname()))
        listener.settimeout(10)
        with listener.accept()[0] as probe:
            assert probe.recv(10) == b""


def test_an_upstream_where_nobody_listens() -> None:
    port = free_port()
    with pytest.raises(ServiceError, match=f"--upstream 127.0.0.1:{port}"):
        asyncio.run(find_upstream(("127.0.0.1", port)))


def test_each_session_has_its_own_upstream_and_counters_are_ours() -> None:
    asyncio.run(find_upstream(None))
    find(orders())


@pytest.mark.real
def test_a_store_that_answers_and_one_that_does_not(tmp_path: Path) -> None:
    with own_redis() as redis:
        asked = with_store(tmp_path, redis.url)
        find(asked)
        redis.stop()
        with pytest.raises(ServiceError, match=r"guard\.yaml: limits\.store: unix:.* is it running\?"):
            find(asked)


def test_the_password_of_a_store_stays_ours(tmp_path: Path) -> None:
    with pytest.raises(ServiceError) as caught:
        find(with_store(tmp_path, f"redis://:geheim@127.0.0.1:{free_port()}/0"))
    assert "limits.store: redis://127.0.0.1:" in str(caught.value)
    assert "geheim" not in str(caught.value)
