"""One connection to what a guard depends on before mail depends on the guard, so that a wrong address is found at once.

Only at its first start: a worker that is started again, and a reload, take what fails as it comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os

from smtpguard.relay.addresses import Address, show_address
from smtpguard.relay.shared_store import SharedStore, StoreError
from smtpguard.service.errors import ServiceError
from smtpguard.service.orders import InForce, Orders

PROBE_SECONDS = 10.0
"""How long the upstream may take to accept it."""


async def find_upstream(upstream: Address | None) -> None:
    """Raises ServiceError where nobody accepts a connection."""
    if upstream is None:
        return
    shown = show_address(upstream)
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            _, writer = await asyncio.open_connection(*upstream)
    except TimeoutError as error:
        raise ServiceError(f"--upstream {shown}: no answer in {PROBE_SECONDS:.0f} s; is it running?") from error
    except UnicodeError as error:
        raise ServiceError(f"--upstream {shown}: {upstream[0]!r} is no host name") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else (error.strerror or str(error))
        raise ServiceError(f"--upstream {shown}: {reason}; is the server running there?") from error
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def find_store(orders: Orders, in_force: InForce) -> None:
    """Raises ServiceError where the store of shared counters does not answer."""
    limits = in_force.settings.limits
    if limits.store is None:
        return
    try:
        store = SharedStore(limits.store, limits.store_deadline)
        try:
            await store.check()
        finally:
            await store.close()
    except StoreError as error:
        raise ServiceError(f"{orders.config}: limits.store: {error}") from error
