"""Counters in a real Redis: all places or none, given back or run out, and a store that does not answer."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable

import pytest
import redis as client

from smtpguard.relay.shared_store import LEASE_SECONDS, STORE_ERRORS, SharedStore, StoreError
from tests.real.private_server import free_port
from tests.relay.hosts import run
from tests.relay.redis_process import RedisProcess, own_redis

pytestmark = pytest.mark.real


def with_redis(test: Callable[[RedisProcess, SharedStore], Awaitable[None]], deadline: float = 10.0) -> None:
    """One test, its store closed at the end."""

    async def whole(redis: RedisProcess) -> None:
        store = SharedStore(redis.url, deadline)
        try:
            await test(redis, store)
        finally:
            await store.close()

    with own_redis() as redis:
        run(whole(redis))


def held(redis: RedisProcess, key: str) -> dict[str, float]:
    """The leases there, and when they end."""
    with client.Redis.from_url(redis.url) as looking:
        return {member.decode(): score for member, score in looking.zrange(f"smtpguard:{key}", 0, -1, withscores=True)}


def test_all_places_are_taken_or_none() -> None:
    async def test(redis: RedisProcess, store: SharedStore) -> None:
        both = [("client_sessions", "c:1", 5), ("network_sessions", "n:1", 1)]
        assert await store.refusal("first", both, []) == ""
        assert await store.refusal("second", both, []) == "network_sessions"
        assert set(held(redis, "c:1")) == set(held(redis, "n:1")) == {"first"}

    with_redis(test)


def test_the_last_place_is_taken_once() -> None:
    """By one of many who ask at once, over two pools."""

    async def test(redis: RedisProcess, store: SharedStore) -> None:
        other = SharedStore(redis.url, 10.0)
        answers = await asyncio.gather(
            *((store, other)[number % 2].refusal(str(number), [("most", "c:1", 3)], []) for number in range(20))
        )
        await other.close()
        assert sorted(answers) == [""] * 3 + ["most"] * 17
        assert len(held(redis, "c:1")) == 3

    with_redis(test)


def test_a_place_is_given_back_before_the_store_closes() -> None:
    async def test(redis: RedisProcess, store: SharedStore) -> None:
        for session in ("one", "two"):
            assert await store.refusal(session, [("most", "c:1", 2)], []) == ""
        store.release("one")
        store.release("one")
        store.release("never heard of")
        await store.close()
        assert set(held(redis, "c:1")) == {"two"}

    with_redis(test)


def test_what_was_renewed_lasts_and_the_rest_runs_out() -> None:
    async def test(redis: RedisProcess, store: SharedStore) -> None:
        for session in ("ours", "a dead guard's"):
            assert await store.refusal(session, [("most", "c:1", 2)], []) == ""
        del store._leases["a dead guard's"]
        with client.Redis.from_url(redis.url) as later:
            for session in ("ours", "a dead guard's"):
                later.zadd("smtpguard:c:1", {session: time.time() - 1})
        await store.renew()
        assert held(redis, "c:1")["ours"] > time.time() + LEASE_SECONDS - 15
        assert await store.refusal("next", [("most", "c:1", 2)], []) == ""
        assert set(held(redis, "c:1")) == {"ours", "next"}

    with_redis(test)


def test_rates_are_counted_by_key() -> None:
    async def test(redis: RedisProcess, store: SharedStore) -> None:
        rates = [("client_rate", "c:1", 3)]
        answers = [await store.refusal(str(number), [], rates) for number in range(4)]
        assert answers == ["", "", "", "client_rate"]
        assert await store.refusal("x", [], [("client_rate", "c:2", 3)]) == ""

    with_redis(test)


def test_what_was_taken_without_an_answer_is_given_back() -> None:
    """The store takes the place after we have lost patience with it."""

    async def test(redis: RedisProcess, store: SharedStore) -> None:
        await store.check()
        redis.signal(signal.SIGSTOP)
        try:
            with pytest.raises(STORE_ERRORS):
                await store.refusal("late", [("most", "c:1", 2)], [])
        finally:
            redis.signal(signal.SIGCONT)
        store.release("late")
        await store.close()
        assert held(redis, "c:1") == {}

    with_redis(test, deadline=0.5)


def test_one_that_hangs_does_not_hang_us() -> None:
    async def test(redis: RedisProcess, store: SharedStore) -> None:
        assert await store.refusal("one", [("most", "c:1", 2)], []) == ""
        redis.signal(signal.SIGSTOP)
        try:
            with pytest.raises(StoreError, match="is it running"):
                await store.check()
            with pytest.raises(STORE_ERRORS):
                await store.renew()
            store.release("one")
            await store.close()  # at most twice the deadline
        finally:
            redis.signal(signal.SIGCONT)

    with_redis(test, deadline=0.2)


def test_one_that_is_not_there() -> None:
    async def test() -> None:
        store = SharedStore(f"redis://user:geheim@127.0.0.1:{free_port()}/0", 0.5)
        with pytest.raises(StoreError) as caught:
            await store.check()
        assert "geheim" not in str(caught.value)
        assert str(caught.value).startswith("redis://127.0.0.1:")
        await store.close()

    run(test())


@pytest.mark.parametrize("url", ["http://geheim@x", "redis://:geheim@x:port", "", "redis://x?socket_timeout=soon"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(StoreError, match="no address of a Redis") as caught:
        SharedStore(url, 1.0)
    assert "geheim" not in str(caught.value)
