"""A server that accepts, and guards before it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.real.guard_process import GuardProcess

Start = Callable[..., GuardProcess]


@pytest.fixture
def upstream() -> Iterator[tuple[str, int]]:
    """Somebody who accepts connections, and no more: what a guard wants to see before it starts."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()


@pytest.fixture
def start(upstream: tuple[str, int]) -> Iterator[Start]:
    """Starts guards that pass everything on to ``upstream``; what runs at the end is ended."""
    with ExitStack() as stack:

        def one(*options: str, policy: str = "pass", **more: object) -> GuardProcess:
            guard = GuardProcess(upstream, policy, *options, **more)  # type: ignore[arg-type]
            stack.callback(guard.close)
            return guard

        yield one
