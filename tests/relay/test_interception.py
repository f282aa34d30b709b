"""Interception by itself, on a router between a client and a server: where connections were to go, whose ours seem.

Through the whole guard, with a real Postfix: tests/real/test_interception.py.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from smtpguard.relay.interception import Intercept, Interception, LoopError
from smtpguard.relay.listening import listening_sockets
from tests.net.namespaces import SMTPGUARD, missing
from tests.net.path import CLIENT, ROUTER_INSIDE, ROUTER_OUTSIDE, SERVER, Path, three_hosts

pytestmark = pytest.mark.real

PORT = 2525
FAMILIES = ("ipv4", "ipv6")


@pytest.fixture(autouse=True)
def _loop() -> None:
    """On one loop: sockets are what this is about, and tests/real meets the other."""


@pytest.fixture(scope="module")
def path() -> Iterator[Path]:
    if reason := missing("nft"):
        pytest.skip(reason)
    with three_hosts() as path:
        yield path


@pytest.fixture(params=Intercept)
def intercepting(request: pytest.FixtureRequest, path: Path) -> Iterator[tuple[Interception, list[socket.socket]]]:
    """A router that intercepts, and the sockets that listen on it."""
    interception = Interception(request.param)
    with path.router.entered():
        listeners = asyncio.run(listening_sockets("*", PORT, interception.prepare))
    try:
        path.router.run(SMTPGUARD, "net", "up", "--mode", request.param, "--in", "in0")
        yield interception, listeners
    finally:
        path.router.run(SMTPGUARD, "net", "down")
        for listener in listeners:
            listener.close()


def accept(listeners: list[socket.socket], family: str) -> socket.socket:
    wanted = socket.AF_INET6 if family == "ipv6" else socket.AF_INET
    [listener] = [listener for listener in listeners if listener.family == wanted]
    listener.settimeout(10)
    return listener.accept()[0]


def call(path: Path, address: str, port: int, source_port: int = 0) -> socket.socket:
    with path.client.entered():
        return socket.create_connection((address, port), timeout=10, source_address=("", source_port))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_way_to_the_server(path: Path, intercepting: tuple[Interception, list[socket.socket]], family: str) -> None:
    interception, listeners = intercepting
    with path.server.entered():
        server = socket.create_server(
            (SERVER[family], 587), family=socket.AF_INET6 if family == "ipv6" else socket.AF_INET
        )
    with server, call(path, SERVER[family], 587), accept(listeners, family) as accepted:
        destination = interception.destination(accepted, {PORT})
        assert destination.address == (SERVER[family], 587)
        with path.router.entered():
            ours = asyncio.run(asyncio.wait_for(interception.connect(destination), 10))
        server.settimeout(10)
        arrived, peer = server.accept()
        with ours, arrived:
            kept = interception.mode is Intercept.TPROXY
            assert peer[0] == (CLIENT[family] if kept else ROUTER_OUTSIDE[family])
            assert destination.ours == peer[:2]
            arrived.sendall(b"220 both ways\r\n")
            ours.settimeout(10)
            assert ours.recv(100) == b"220 both ways\r\n"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_guards_own_port_leads_nowhere(
    path: Path, intercepting: tuple[Interception, list[socket.socket]], family: str
) -> None:
    interception, listeners = intercepting
    with call(path, ROUTER_INSIDE[family], PORT), accept(listeners, family) as accepted:
        with pytest.raises(LoopError, match="own port was called"):
            interception.destination(accepted, {PORT})


def test_a_server_that_refuses(path: Path, intercepting: tuple[Interception, list[socket.socket]]) -> None:
    interception, listeners = intercepting
    with call(path, SERVER["ipv4"], 25), accept(listeners, "ipv4") as accepted:
        destination = interception.destination(accepted, {PORT})
        with path.router.entered(), pytest.raises(ConnectionRefusedError):
            asyncio.run(asyncio.wait_for(interception.connect(destination), 10))
        assert interception._ours == set()


@pytest.mark.parametrize("intercepting", [Intercept.TPROXY], indirect=True)
def test_another_port_of_a_server_is_left_alone_even_if_it_is_the_guards_number(
    path: Path, intercepting: tuple[Interception, list[socket.socket]]
) -> None:
    with path.server.entered():
        server = socket.create_server((SERVER["ipv4"], PORT))
    server.settimeout(10)
    with server, call(path, SERVER["ipv4"], PORT) as client:
        arrived, peer = server.accept()
        assert peer == client.getsockname()
        arrived.close()


def test_a_server_on_the_router_itself(path: Path, intercepting: tuple[Interception, list[socket.socket]]) -> None:
    """With tproxy it is left alone; with redirect it is a server like others."""
    interception, listeners = intercepting
    here = (ROUTER_INSIDE["ipv4"], 25)
    with path.router.entered():
        server = socket.create_server(here)
    server.settimeout(10)
    with server, call(path, *here) as client:
        if interception.mode is Intercept.REDIRECT:
            with accept(listeners, "ipv4") as accepted, path.router.entered():
                destination = interception.destination(accepted, {PORT})
                assert destination.address == here
                ours = asyncio.run(asyncio.wait_for(interception.connect(destination), 10))
            arrived, peer = server.accept()
            with ours, arrived:
                assert peer == ours.getsockname()
        else:
            arrived, peer = server.accept()
            with arrived:
                assert peer == client.getsockname()


@pytest.mark.parametrize("answer", ["refuse", "pass"])
def test_with_no_guard_there(path: Path, answer: str) -> None:
    path.router.run(SMTPGUARD, "net", "up", "--mode", "tproxy", "--in", "in0", "--when-down", answer)
    with path.server.entered():
        server = socket.create_server((SERVER["ipv4"], 25))
    try:
        if answer == "pass":
            call(path, SERVER["ipv4"], 25).close()
        else:
            with pytest.raises(ConnectionRefusedError):
                call(path, SERVER["ipv4"], 25)
    finally:
        server.close()
        path.router.run(SMTPGUARD, "net", "down")


@pytest.mark.parametrize("mode", Intercept)
def test_a_connection_that_is_older_than_the_table_goes_on(path: Path, mode: Intercept) -> None:
    interception = Interception(mode)
    with path.router.entered():
        listeners = asyncio.run(listening_sockets("*", PORT, interception.prepare))
    with path.server.entered():
        server = socket.create_server((SERVER["ipv4"], 25))
    server.settimeout(10)
    try:
        # The client's port has the number of the guard's: only with it would the listener be taken for the client.
        with server, call(path, SERVER["ipv4"], 25, source_port=PORT) as client:
            arrived, _ = server.accept()
            path.router.run(SMTPGUARD, "net", "up", "--mode", mode, "--in", "in0")
            arrived.settimeout(10)
            client.sendall(b"DATA\r\n")
            assert arrived.recv(100) == b"DATA\r\n"
            arrived.sendall(b"354 go\r\n")
            assert client.recv(100) == b"354 go\r\n"
            arrived.close()
    finally:
        path.router.run(SMTPGUARD, "net", "down")
        for listener in listeners:
            listener.close()
