"""The listening sockets of a host name: every address, one port, nothing left open after a failure."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest

from smtpguard.relay.listening import listening_sockets, why_deaf


def opened(host: str, port: int = 0) -> list[socket.socket]:
    return asyncio.run(listening_sockets(host, port))


def test_every_address_of_both_families_on_one_port() -> None:
    sockets = opened("*")
    try:
        addresses = {sock.getsockname()[0] for sock in sockets}
        assert addresses == ({"0.0.0.0", "::"} if socket.has_ipv6 else {"0.0.0.0"})
        [port] = {sock.getsockname()[1] for sock in sockets}
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port), timeout=10).close()
    finally:
        for sock in sockets:
            sock.close()


def test_one_address() -> None:
    [sock] = opened("127.0.0.1")
    with sock:
        assert sock.getsockname()[0] == "127.0.0.1"
        assert not sock.get_inheritable()


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use") as caught:
        opened("127.0.0.1", taken.getsockname()[1])
    assert caught.value.errno == errno.EADDRINUSE


def test_an_address_of_another_host() -> None:
    with pytest.raises(OSError, match="assign") as caught:
        opened("192.0.2.77")
    assert caught.value.errno == errno.EADDRNOTAVAIL


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.EADDRINUSE, "while binding: in use"), "Address already in use; choose another port"),
        (OSError(errno.EADDRNOTAVAIL, "x"), "Cannot assign requested address; give an address of this host"),
        (PermissionError(errno.EACCES, "x"), "Permission denied; a port below 1024 takes root, CAP_NET_BIND_SERVICE"),
        (socket.gaierror(socket.EAI_NONAME, "Name not known"), "Name not known; give an address of this host"),
    ],
)
def test_why_and_what_to_do(error: OSError, words: str) -> None:
    assert why_deaf(error).startswith(f"can't listen there: {words}")


def test_a_name_that_is_none() -> None:
    with pytest.raises(UnicodeError):
        opened("a..b")


def test_what_was_open_is_closed_when_another_fails() -> None:
    seen: list[socket.socket] = []

    def refuse_the_second(listener: socket.socket) -> None:
        seen.append(listener)
        if len(seen) == 2:
            raise PermissionError("no")

    with pytest.raises(PermissionError):
        asyncio.run(listening_sockets("*", 0, refuse_the_second))
    assert [sock.fileno() for sock in seen] == [-1, -1]
