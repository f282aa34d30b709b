"""Connections that were to go elsewhere: where to, and a connection of ours that goes there.

``smtpguard net up`` (or rules of your own) turns them to the guard, in one of two ways:

tproxy      the accepted socket bears the server's address. Ours bears the client's, so the server sees who it is;
            its answers must come back through this host. Takes CAP_NET_ADMIN or CAP_NET_RAW (ip(7), IP_TRANSPARENT).
redirect    the kernel rewrote the destination to this host's address and is asked for the one before
            (SO_ORIGINAL_DST). The server sees the guard's address. Takes no capability.

A connection that was not intercepted, or that is one of the guard's own come round again, has nowhere to go:
``LoopError``. A loop through another host that rewrites addresses, or through another process of the guard, is not seen
here; the limit of sessions ends that one.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

# include/uapi/linux/in.h, in6.h, netfilter_ipv4.h, netfilter_ipv6/ip6_tables.h
_IP_TRANSPARENT = 19
_IP_BIND_ADDRESS_NO_PORT = 24
_IPV6_TRANSPARENT = 75
_SO_ORIGINAL_DST = 80  # IP6T_SO_ORIGINAL_DST has the same number
_SOCKADDR_IN = struct.Struct("!2xH4s8x")
_SOCKADDR_IN6 = struct.Struct("!2xH4x16s4x")

Address = tuple[str, int]

ROUNDS = 4
"""How often a connection may seem to be the guard's own. Once may be chance: a client picks its ports without asking
us, and one in some ten thousand is that of a connection which we hold in its name. A loop comes round every time."""


class Intercept(StrEnum):
    """How connections were turned to the guard."""

    TPROXY = "tproxy"
    REDIRECT = "redirect"


class LoopError(Exception):
    """The connection leads to the guard itself; the text says how."""


@dataclass(slots=True)
class Destination:
    """Where a session's second connection goes. ``source`` is the client's address where the server is to see it."""

    address: Address
    source: str | None = None
    rounds: int = 0  # how many of the guard's own connections it seems to have been before
    ours: Address | None = None  # our end of that connection, once there is one


class Interception:
    """The interception of one guard."""

    def __init__(self, mode: Intercept) -> None:
        self.mode = mode
        self._ours: dict[tuple[Address, Address], int] = {}  # our end and the server's, and the rounds so far

    def prepare(self, listener: socket.socket) -> None:
        """Make a listener, not bound yet, one that can accept what was to go elsewhere. Raises PermissionError."""
        if self.mode is Intercept.TPROXY:
            _set_transparent(listener)

    def destination(self, accepted: Any, own_port: int) -> Destination:
        """Where the connection of this socket was to go. Raises LoopError where that is the guard, on ``own_port``.

        ``accepted`` is a socket, or what a transport gives in its place.
        """
        client = _plain(accepted.getpeername())
        if self.mode is Intercept.TPROXY:
            target, source = _plain(accepted.getsockname()), client[0]
        else:
            target, source = _original_destination(accepted), None
        if target[1] == own_port:
            # No port that is intercepted is the guard's: net.plan sees to that.
            raise LoopError("the guard's own port was called, and no connection to a server was turned to it")
        rounds = self._ours.get((client, target), -1) + 1
        if rounds == ROUNDS:
            raise LoopError("the guard's own connections to the server are turned back to the guard")
        return Destination(target, source, rounds)

    async def connect(self, destination: Destination) -> socket.socket:
        """A connected socket to there, from the client's address where the server is to see it. Raises OSError."""
        family = socket.AF_INET6 if ":" in destination.address[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if destination.source is not None:
                _set_transparent(sock)
                # A port is taken at connect, by server: one client may have more connections than there are ports.
                sock.setsockopt(socket.SOL_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((destination.source, 0))
            status = sock.connect_ex(destination.address)
            if status not in (0, errno.EINPROGRESS):
                raise OSError(status, os.strerror(status))
            # Known before the other end can have accepted it, which may be ourselves.
            destination.ours = _plain(sock.getsockname())
            self._ours[destination.ours, destination.address] = destination.rounds
            if status:
                # A second connect() on the way to the first: the loop waits for that one.
                await asyncio.get_running_loop().sock_connect(sock, destination.address)
        except BaseException:
            sock.close()
            self.release(destination)
            raise
        return sock

    def release(self, destination: Destination) -> None:
        """The session is over."""
        if destination.ours is not None:
            self._ours.pop((destination.ours, destination.address), None)


def _set_transparent(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)
    else:
        sock.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)


def _original_destination(accepted: Any) -> Address:
    """Raises LoopError where the kernel rewrote nothing."""
    try:
        if accepted.family == socket.AF_INET6:
            raw = accepted.getsockopt(socket.IPPROTO_IPV6, _SO_ORIGINAL_DST, _SOCKADDR_IN6.size)
            port, octets = _SOCKADDR_IN6.unpack(raw)
            return socket.inet_ntop(socket.AF_INET6, octets), port
        raw = accepted.getsockopt(socket.SOL_IP, _SO_ORIGINAL_DST, _SOCKADDR_IN.size)
        port, octets = _SOCKADDR_IN.unpack(raw)
        return socket.inet_ntop(socket.AF_INET, octets), port
    except OSError as error:
        raise LoopError("the guard's own port was called, and no connection to a server was turned to it") from error


def _plain(address: tuple[Any, ...]) -> Address:
    """Without the flow and the zone of an IPv6 address."""
    return str(address[0]).partition("%")[0], int(address[1])
