"""Counters that several guards share, in a Redis or Valkey (``redis://``, ``rediss://`` and ``unix://`` addresses).

Sessions at once are leases, one member of a sorted set each, whose score is when it ends: a guard that dies gives none
back, and they run out. One script looks at all limits and takes all leases, so that two guards never take the last
place together. Rates are ``limits``' own.

Every question has ``deadline`` seconds; what goes wrong raises one of ``STORE_ERRORS``.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

LEASE_SECONDS = 60
PREFIX = "smtpguard"

STORE_ERRORS = (RedisError, OSError, TimeoutError)

_TAKE = """
local now = tonumber(redis.call('TIME')[1])
for number, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  if redis.call('ZCARD', key) >= tonumber(ARGV[number + 2]) then
    return number
  end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('EXPIRE', key, ARGV[2] * 2)
end
return 0
"""

_RENEW = """
local now = tonumber(redis.call('TIME')[1])
for number, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[1], ARGV[number + 1])
  redis.call('EXPIRE', key, ARGV[1] * 2)
end
"""


class StoreError(Exception):
    """The store can't be used; the text is one clear line without its password."""


class SharedStore:
    """One connection pool. Raises StoreError for an address that is none."""

    def __init__(self, url: str, deadline: float) -> None:
        self.shown = _shown(url)
        self._deadline = deadline
        options: dict[str, Any] = {
            "socket_timeout": deadline,
            "socket_connect_timeout": deadline,
            "retry": Retry(NoBackoff(), 0),
        }
        try:
            self._pool = ConnectionPool.from_url(url, **options)
            storage = RedisStorage(
                f"async+redis+{url}" if url.startswith("unix:") else f"async+{url}",
                implementation="redispy",
                key_prefix=f"{PREFIX}:rate",
                connection_pool=self._pool,  # type: ignore[arg-type]  # said in limits' documentation only
            )
        except (ValueError, RedisError) as error:
            raise StoreError(f"{self.shown}: no address of a Redis: {error}") from error
        self._redis = Redis(connection_pool=self._pool)
        self._rates = SlidingWindowCounterRateLimiter(storage)
        self._take = self._redis.register_script(_TAKE)
        self._renew = self._redis.register_script(_RENEW)
        self._leases: dict[str, list[str]] = {}
        self._parting: set[asyncio.Task[None]] = set()

    async def check(self) -> None:
        """Raises StoreError where it does not answer."""
        try:
            async with asyncio.timeout(max(self._deadline, 2.0)):
                await self._redis.ping()
        except TimeoutError as error:
            raise StoreError(f"{self.shown}: no answer; is it running?") from error
        except (RedisError, OSError) as error:
            raise StoreError(f"{self.shown}: {str(error).rstrip('.')}; is it running?") from error

    async def refusal(self, session: str, caps: list[tuple[str, str, int]], rates: list[tuple[str, str, int]]) -> str:
        """The name of the limit that is met; "" where the session was counted in."""
        async with asyncio.timeout(self._deadline):
            if caps:
                keys = [f"{PREFIX}:{key}" for _, key, _ in caps]
                self._leases[session] = keys  # before we know: what was taken without an answer is given back too
                met = int(await self._take(keys, [session, LEASE_SECONDS, *(most for _, _, most in caps)]))
                if met:
                    del self._leases[session]
                    return caps[met - 1][0]
            for name, key, most in rates:
                if not await self._rates.hit(RateLimitItemPerMinute(most), key):
                    return name
        return ""

    def release(self, session: str) -> None:
        """Give a session's leases back, soon; a store that does not answer forgets them by itself."""
        keys = self._leases.pop(session, None)
        if keys:
            task = asyncio.get_running_loop().create_task(self._give_back(session, keys))
            self._parting.add(task)
            task.add_done_callback(self._parting.discard)

    async def _give_back(self, session: str, keys: list[str]) -> None:
        try:
            async with asyncio.timeout(self._deadline), self._redis.pipeline(transaction=False) as pipeline:
                for key in keys:
                    pipeline.zrem(key, session)
                await pipeline.execute()
        except STORE_ERRORS:
            pass  # the lease runs out; whether the store is there, the next session finds out

    async def renew(self) -> None:
        """Make all leases last again."""
        pairs = [(key, session) for session, keys in self._leases.items() for key in keys]
        async with asyncio.timeout(max(self._deadline, 2.0)):
            for start in range(0, len(pairs), 500):
                some = pairs[start : start + 500]
                await self._renew([key for key, _ in some], [LEASE_SECONDS, *(session for _, session in some)])

    async def close(self) -> None:
        """Wait for what is being given back, and close the connections."""
        if self._parting:
            await asyncio.wait(tuple(self._parting), timeout=self._deadline * 2)
        await self._redis.aclose()
        await self._pool.disconnect()


def _shown(url: str) -> str:
    """Without the password."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
