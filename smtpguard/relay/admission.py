"""Who may begin a session: how many at once and how many a minute, for each client and each network.

    admission = Admission(settings.limits, journal)
    refusal = await admission.refusal(identity, client)     # "" or the name of the limit that was met
    admission.release(identity)                             # when the session is over

Counted in this process, or in a Redis (or Valkey) that several guards share. A store that does not answer within its
deadline is left alone for ``RETRY_SECONDS``; meanwhile sessions are admitted by this process's own counts, or all
refused, as ``store_down`` says. The journal hears of both ends of that. Sessions in a shared store are leases: those of
a guard that was killed count for a minute more.

Rates are a window that slides by the weight of the minute before (``limits``' sliding window counter).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from smtpguard.relay.settings import LimitSettings
from smtpguard.relay.shared_store import STORE_ERRORS, SharedStore

RETRY_SECONDS = 1.0
SWEEP_SECONDS = 10.0
"""``limits`` looks through all clients that it knows behind every hit; so often is enough."""
STORE = "store"
"""The limit's name where a session was refused because nobody could say."""

Journal = Callable[[str, dict[str, object]], None]
Caps = list[tuple[str, str, int]]
"""Each limit: its name, what is counted, and how many there may be."""


class Admission:
    """The limits of one guard. Raises StoreError for a store's address that is none."""

    def __init__(self, settings: LimitSettings, journal: Journal) -> None:
        self._journal = journal
        self._counts: dict[str, int] = {}
        self._held: dict[str, list[str]] = {}  # a session's keys
        self._memory = MemoryStorage()
        self._local = SlidingWindowCounterRateLimiter(self._memory)
        self._swept = 0.0
        self._down_until: float | None = None
        self._store: SharedStore | None = None
        self._retired: list[SharedStore] = []
        self.settings = LimitSettings()
        self.adopt(settings)

    def adopt(self, settings: LimitSettings) -> None:
        """Other limits from now on; what is counted stays counted. Raises StoreError, and nothing has changed then."""
        had = self.settings
        if (settings.store, settings.store_deadline) != (had.store, had.store_deadline):
            store = SharedStore(settings.store, settings.store_deadline) if settings.store is not None else None
            if self._store is not None:
                self._retired.append(self._store)  # sessions counted there are given back there
            self._store = store
            self._down_until = None
        self.settings = settings

    async def refusal(self, session: str, client: str) -> str:
        """The name of the limit that keeps this client out now; "" where none does."""
        caps, rates = self._caps(client)
        if self._store is not None:
            met = await self._ask(self._store, session, caps, rates)
            if met is not None:
                return met
            if self.settings.store_down == "closed":
                return STORE
        for name, key, most in caps:
            if self._counts.get(key, 0) >= most:
                return name
        for name, key, most in rates:
            self._put_off_sweep()
            if not await self._local.hit(RateLimitItemPerMinute(most), key):
                return name
        keys = self._held.setdefault(session, [])
        for _, key, _ in caps:
            keys.append(key)
            self._counts[key] = self._counts.get(key, 0) + 1
        return ""

    def release(self, session: str) -> None:
        """The session is over, or was not admitted."""
        for key in self._held.pop(session, ()):
            left = self._counts[key] - 1
            if left:
                self._counts[key] = left
            else:
                del self._counts[key]
        for store in self._stores():
            store.release(session)

    async def renew(self) -> None:
        """Renew the leases in the shared store; to be called more often than they last."""
        if self._store is None or self._is_down():
            return
        try:
            await self._store.renew()
        except STORE_ERRORS as error:
            self._lost(error)
        else:
            self._back()

    async def close(self) -> None:
        """Give the sessions in the shared store back and part with it."""
        if self._memory.timer is not None:
            self._memory.timer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._memory.timer
        for store in self._stores():
            await store.close()

    def _stores(self) -> list[SharedStore]:
        return [*self._retired, *([self._store] if self._store is not None else [])]

    # --- inside ------------------------------------------------------------------------------------------------

    def _caps(self, client: str) -> tuple[Caps, Caps]:
        """What is counted for a client: sessions at once, and new ones a minute."""
        settings = self.settings
        one, network = _places(client, settings)
        return (
            [
                (name, f"{name}:{place}", most)
                for name, place, most in (
                    ("client_sessions", one, settings.client_sessions),
                    ("network_sessions", network, settings.network_sessions),
                )
                if most is not None
            ],
            [
                (name, f"{name}:{place}", most)
                for name, place, most in (
                    ("client_rate", one, settings.client_rate),
                    ("network_rate", network, settings.network_rate),
                )
                if most is not None
            ],
        )

    def _put_off_sweep(self) -> None:
        timer = self._memory.timer
        if timer is not None and timer.done() and time.monotonic() < self._swept + SWEEP_SECONDS:
            self._memory.timer = asyncio.get_running_loop().create_task(asyncio.sleep(SWEEP_SECONDS))
        elif timer is None or timer.done():
            self._swept = time.monotonic()

    async def _ask(self, store: SharedStore, session: str, caps: Caps, rates: Caps) -> str | None:
        """The store's word; None where it has none."""
        if self._is_down():
            return None
        try:
            met = await store.refusal(session, caps, rates)
        except STORE_ERRORS as error:
            self._lost(error)
            return None
        self._back()
        return met

    def _is_down(self) -> bool:
        return self._down_until is not None and time.monotonic() < self._down_until

    def _lost(self, error: Exception) -> None:
        if self._down_until is None:
            self._journal("store-lost", {"error": _words(error), "then": self.settings.store_down})
        self._down_until = time.monotonic() + RETRY_SECONDS

    def _back(self) -> None:
        if self._down_until is not None:
            self._down_until = None
            self._journal("store-back", {})


def _places(client: str, settings: LimitSettings) -> tuple[str, str]:
    """What counts as one client, and its network. An IPv6 client has a whole prefix to itself."""
    address = ip_address(client)
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return _places(str(address.ipv4_mapped), settings)
        one = str(ip_network((address, settings.client_prefix_ipv6), strict=False))
        return one, str(ip_network((address, settings.network_prefix_ipv6), strict=False))
    return client, str(ip_network((address, settings.network_prefix_ipv4), strict=False))


def _words(error: Exception) -> str:
    words = str(error).partition("\n")[0]
    return words or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
