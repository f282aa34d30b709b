"""A router with one interface to clients, in a namespace of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.net.namespaces import Host, World, missing


@pytest.fixture
def router() -> Iterator[Host]:
    """Clients would come from ``in0``."""
    if reason := missing("nft"):
        pytest.skip(reason)
    with World() as world:
        router, client = world.host("router"), world.host("client")
        world.join(
            (router, "in0", ("192.0.2.1/24", "2001:db8:1::1/64")),
            (client, "eth0", ("192.0.2.2/24", "2001:db8:1::2/64")),
        )
        yield router
