"""Every test of the relay runs on both loops: they differ in what they promise, and production runs on uvloop."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.relay.hosts import LOOPS, on


@pytest.fixture(autouse=True, params=LOOPS)
def _loop(request: pytest.FixtureRequest) -> Iterator[None]:
    with on(request.param):
        yield
