"""The sockets that the guard listens on: one for every address that a host name stands for, on one port.

``*`` stands for every address of the host, IPv4 and IPv6. Raises OSError where one of them can't be had, UnicodeError
for a name that no DNS can hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable

EVERY_ADDRESS = "*"

BACKLOG = 1024
"""Connections that the kernel keeps until we accept them."""

_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)

_CURES = {
    errno.EADDRINUSE: "choose another port",
    errno.EADDRNOTAVAIL: "give an address of this host",
    errno.EACCES: "a port below 1024 takes root, CAP_NET_BIND_SERVICE or a socket unit",
}


def why_deaf(error: OSError) -> str:
    """What kept us from listening, and what to do about it, for the end of a line that names the address.

    Loops word these errors in ways of their own; the number means the same in all of them.
    """
    if error.errno is None or error.errno <= 0:  # a name that could not be looked up: its numbers are the resolver's
        return f"can't listen there: {error.strerror or error}; give an address of this host"
    return f"can't listen there: {os.strerror(error.errno)}; {_CURES.get(error.errno, 'choose another address')}"


async def listening_sockets(
    host: str, port: int, prepare: Callable[[socket.socket], None] | None = None
) -> list[socket.socket]:
    """Bound and listening. ``prepare`` gets each socket before it is bound; port 0 takes a free one, the same for all.

    An address of a name, or a family, that this host has not is left out as long as another remains.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(
        None if host == EVERY_ADDRESS else host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    sockets: list[socket.socket] = []
    lacking: OSError | None = None
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            try:
                listener = socket.socket(
                    family, socket.SOCK_STREAM, socket.IPPROTO_TCP
                )  # named, for asyncio to set NODELAY
            except OSError as error:  # a kernel without IPv6
                lacking = error
                continue
            sockets.append(listener)
            listener.setblocking(False)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            if prepare is not None:
                prepare(listener)
            try:
                listener.bind((address[0], port, *address[2:]))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                lacking = error
                sockets.pop().close()
                continue
            listener.listen(BACKLOG)
            port = listener.getsockname()[1]
        if not sockets and lacking is not None:
            raise lacking
    except BaseException:
        for opened in sockets:
            opened.close()
        raise
    return sockets


def waiting(server: asyncio.AbstractServer) -> list[socket.socket]:
    """The connections that the kernel holds for ``server`` and that nobody has accepted yet."""
    found: list[socket.socket] = []
    for shown in getattr(server, "sockets", ()):
        # What a loop shows of its socket may not accept; another descriptor of the same socket may.
        with socket.socket(fileno=os.dup(shown.fileno())) as listener:
            listener.setblocking(False)
            with contextlib.suppress(OSError):
                while len(found) < BACKLOG:
                    accepted, _ = listener.accept()
                    accepted.setblocking(False)
                    found.append(accepted)
    return found
