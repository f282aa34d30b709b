"""Admission: counts of one guard, counts that guards share in a real Redis, and a store that fails."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from smtpguard.relay.admission import RETRY_SECONDS, STORE, Admission
from smtpguard.relay.settings import LimitSettings
from smtpguard.relay.shared_store import SharedStore, StoreError
from tests.relay.hosts import Journal, run
from tests.relay.redis_process import RedisProcess, own_redis


def admission(journal: Journal | None = None, **limits: object) -> Admission:
    return Admission(LimitSettings.model_validate(limits), journal if journal is not None else Journal())


async def begin(box: Admission, *clients: str) -> list[str]:
    return [await box.refusal(f"{client}#{number}", client) for number, client in enumerate(clients)]


def test_sessions_at_once() -> None:
    async def test() -> None:
        box = admission(client_sessions=2, network_sessions=3)
        one, two = "192.0.2.1", "192.0.2.2"
        assert await begin(box, one, one, one) == ["", "", "client_sessions"]
        assert await begin(box, two, two) == ["", "network_sessions"]
        assert await begin(box, "198.51.100.1") == [""]
        box.release(f"{one}#0")
        box.release(f"{one}#0")
        box.release("never heard of")
        assert await box.refusal("again", two) == ""
        assert await box.refusal("more", "192.0.2.3") == "network_sessions"
        await box.close()

    run(test())


def test_new_connections_a_minute() -> None:
    async def test() -> None:
        box = admission(client_rate=3, network_rate=4)
        one, two = "192.0.2.1", "192.0.2.2"
        assert await begin(box, one, one, one, one) == ["", "", "", "client_rate"]
        assert await begin(box, two, two) == ["", "network_rate"]
        await box.close()

    run(test())


def test_what_counts_as_one_client() -> None:
    async def test() -> None:
        box = admission(client_sessions=1, client_prefix_ipv6=64)
        assert await begin(box, "2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1") == ["", "client_sessions", ""]
        assert await begin(box, "192.0.2.7", "::ffff:192.0.2.7") == ["", "client_sessions"]
        await box.close()

    run(test())


def test_ten_thousand_clients_a_minute_cost_no_search_each() -> None:
    async def test() -> None:
        box = admission(client_rate=5)
        looks = 0
        sweep = box._memory._MemoryStorage__expire_events  # type: ignore[attr-defined]

        async def counted() -> None:
            nonlocal looks
            looks += 1
            await sweep()

        box._memory._MemoryStorage__expire_events = counted  # type: ignore[attr-defined]
        for number in range(2_000):
            assert await box.refusal(str(number), f"10.1.{number // 200}.{number % 200}") == ""
            await asyncio.sleep(0)
        assert looks <= 2
        await box.close()

    run(test())


def test_new_settings_keep_the_counts() -> None:
    async def test() -> None:
        box = admission(client_sessions=2)
        assert await begin(box, "192.0.2.1", "192.0.2.1") == ["", ""]
        box.adopt(LimitSettings(client_sessions=3))
        assert await box.refusal("third", "192.0.2.1") == ""
        assert await box.refusal("fourth", "192.0.2.1") == "client_sessions"
        with pytest.raises(StoreError, match="no address"):
            box.adopt(LimitSettings(client_sessions=9, store="http://localhost"))
        assert box.settings.client_sessions == 3
        await box.close()

    run(test())


@pytest.mark.real
def test_two_guards_share_their_counts() -> None:
    async def test(redis: RedisProcess) -> None:
        limits = {"client_sessions": 3, "network_rate": 5, "store": redis.url, "store_deadline": 5.0}
        first, second = admission(**limits), admission(**limits)
        one = "192.0.2.1"
        assert [await box.refusal(name, one) for box, name in ((first, "a"), (second, "b"), (first, "c"))] == [""] * 3
        assert await second.refusal("d", one) == "client_sessions"
        first.release("a")
        while await second.refusal("e", one):  # noqa: ASYNC110 - the store says when
            await asyncio.sleep(0.01)
        assert await first.refusal("f", "192.0.2.2") == ""
        assert await second.refusal("g", "192.0.2.3") == "network_rate"
        second.release("g")
        await first.renew()
        await first.close()
        await second.close()

    with own_redis() as redis:
        run(test(redis))


@pytest.mark.real
def test_the_leases_of_a_guard_that_was_killed_run_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtpguard.relay.shared_store.LEASE_SECONDS", 1)

    async def test(redis: RedisProcess) -> None:
        limits = {"client_sessions": 1, "store": redis.url, "store_deadline": 5.0}
        killed, other = admission(**limits), admission(**limits)
        assert await killed.refusal("a", "192.0.2.1") == ""
        assert await other.refusal("b", "192.0.2.1") == "client_sessions"
        while await other.refusal("c", "192.0.2.1"):  # noqa: ASYNC110 - the store says when
            await asyncio.sleep(0.05)
        await killed.close()
        await other.close()

    with own_redis() as redis:
        run(test(redis))


@pytest.mark.real
@pytest.mark.parametrize("then", ["open", "closed"])
def test_a_store_that_does_not_answer(then: str) -> None:
    async def test(redis: RedisProcess) -> None:
        journal = Journal()
        box = admission(journal, client_sessions=1, store=redis.url, store_deadline=0.2, store_down=then)
        one = "192.0.2.1"
        assert await box.refusal("a", one) == ""
        redis.signal(signal.SIGSTOP)
        began = time.monotonic()
        met = [await box.refusal(name, one) for name in ("b", "c", "d")]
        assert time.monotonic() - began < RETRY_SECONDS + 2  # one waits, the others are not even asked for
        # Open: by its own counts from then on. Closed: nobody.
        assert met == (["", "client_sessions", "client_sessions"] if then == "open" else [STORE] * 3)
        assert journal.named("store-lost") == [{"error": journal.named("store-lost")[0]["error"], "then": then}]
        redis.signal(signal.SIGCONT)
        while not journal.named("store-back"):
            await box.refusal("e", "198.51.100.1")
            await asyncio.sleep(0.1)
        await box.close()

    with own_redis() as redis:
        run(test(redis))


def test_a_store_that_is_not_there() -> None:
    async def test() -> None:
        store = SharedStore("redis://:secret@127.0.0.1:1/0", 0.2)
        with pytest.raises(StoreError, match="is it running") as caught:
            await store.check()
        assert "secret" not in str(caught.value)
        assert "127.0.0.1:1" in str(caught.value)
        await store.close()

    run(test())
