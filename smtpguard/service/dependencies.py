"""What a guard depends on is there before mail depends on the guard.

Only at its first start: a worker that is started again, and a reload, take what fails as it comes.
"""

from __future__ import annotations

from smtpguard.progress import LongWork
from smtpguard.relay.addresses import Address, show_address
from smtpguard.relay.reaching import UnreachableError, reach
from smtpguard.relay.shared_store import SharedStore, StoreError
from smtpguard.service.errors import ServiceError
from smtpguard.service.orders import InForce, Orders


async def find_upstream(upstream: Address | None) -> None:
    """Raises ServiceError where nobody accepts a connection."""
    if upstream is None:
        return
    try:
        with LongWork(f"--upstream {show_address(upstream)}: waiting for the server to take a connection"):
            await reach(upstream, "--upstream")
    except UnreachableError as error:
        raise ServiceError(str(error)) from error


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
