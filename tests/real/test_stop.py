"""SIGTERM with sessions open: the guard takes no new ones, lets a message finish, says 421, and ends with status 0."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.real.contents import message, stuffed
from tests.real.guard_process import GuardProcess
from tests.real.postfix_instance import PrivatePostfix
from tests.real.private_server import until
from tests.real.raw_client import RawClient

pytestmark = pytest.mark.real


@pytest.fixture
def guard(postfix: PrivatePostfix) -> Iterator[GuardProcess]:
    """A guard in front of the run's Postfix."""
    process = GuardProcess(postfix.address, "pass")
    yield process
    process.close()


def deaf(address: tuple[str, int]) -> bool:
    """Whether nobody listens there any more."""
    try:
        socket.create_connection(address, timeout=5).close()
    except OSError:
        return True
    return False


def test_idle_sessions_are_told(guard: GuardProcess) -> None:
    with RawClient(guard.address) as first, RawClient(guard.address) as second:
        first.greet()
        second.greet()
        guard.terminate()
        for client in (first, second):
            assert client.reply().startswith(b"421 ")
            assert client.reply() == b""
    guard.sessions(2)
    guard.stop()


def test_a_message_on_its_way_arrives(guard: GuardProcess, postfix: PrivatePostfix, mailbox: str) -> None:
    content = message(50_000)
    wire = stuffed(content)
    with RawClient(guard.address) as client:
        client.greet()
        client.envelope(mailbox)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(wire[:20_000])
        guard.terminate()
        until(lambda: deaf(guard.address), 10, "the guard to stop listening")
        client.send(wire[20_000:])
        assert client.code() == 250
        assert client.reply().startswith(b"421 ")
        assert client.reply() == b""
    assert postfix.wait_for(mailbox, 1) == [content]
    guard.stop()


def test_stop_without_sessions(guard: GuardProcess) -> None:
    journal = guard.stop()
    assert journal[0]["event"] == "listening"


def test_clients_that_come_and_go_while_it_stops(guard: GuardProcess) -> None:
    """Sessions in every stage of opening: accepted, not yet connected to the server, already left by the client."""
    guard.terminate()
    for _ in range(2_000):
        if deaf(guard.address):
            break
    assert deaf(guard.address)
    guard.stop()
