"""A server, and guards before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.life.processes import Receiver
from tests.real.guard_process import GuardProcess

Start = Callable[..., GuardProcess]


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    """An SMTP server that takes every message."""
    receiver = Receiver(tmp_path_factory.mktemp("receiver"))
    yield receiver.address
    receiver.kill()


@pytest.fixture
def start(upstream: tuple[str, int]) -> Iterator[Start]:
    """Starts guards that pass everything on to ``upstream``; what runs at the end is ended."""
    with ExitStack() as stack:

        def one(*options: str, policy: str = "pass", **more: object) -> GuardProcess:
            guard = GuardProcess(upstream, policy, *options, **more)  # type: ignore[arg-type]
            stack.callback(guard.close)
            return guard

        yield one
