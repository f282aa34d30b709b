"""What these tests start is ended with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.life.processes import Receiver, Sender
from tests.real.conftest import mailbox, own_postfix

__all__ = ["mailbox", "own_postfix"]


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[Receiver]:
    """A fast server that writes down what it takes."""
    process = Receiver(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def start_sender(tmp_path: Path) -> Iterator[Callable[..., Sender]]:
    """Starts a client on a port, with a count of messages and of sessions."""
    with ExitStack() as stack:

        def start(port: int, count: int, sessions: int, recipient: str = "") -> Sender:
            sender = Sender(port, tmp_path, count, sessions, recipient)
            stack.callback(sender.kill)
            return sender

        yield start
