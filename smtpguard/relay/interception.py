"""Connections that were to go elsewhere: where to, and a connection of ours that goes there.

``smtpguard net up`` (or rules of your own) turns them to the guard, in one of two ways:

tproxy      the accepted socket bears the server's address. Ours bears the client's, so the server sees who it is;
            its answers must come back through this host. Takes CAP_NET_ADMIN or CAP_NET_RAW (ip(7), IP_TRANSPARENT).
redirect    the kernel rewrote the destination to this host's address and is asked for the one before
            (SO_ORIGINAL_DST). The server sees the guard's address. Takes no capability.

A connection that called the guard's own port goes to the upstream, where there is one. Without, and where it is one of
the guard's own, turned back by a rule too wide, it has nowhere to go: ``LoopError``. Such a loop is seen with redirect
and in this process. With tproxy it can't close: the kernel's answer to the guard's connection goes to the client.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from smtpguard.relay.addresses import Address, is_address

# include/uapi/linux/in.h, in6.h, netfilter_ipv4.h, netfilter_ipv6/ip6_tables.h
_IP_TRANSPARENT = 19
_IP_BIND_ADDRESS_NO_PORT = 24
_IPV6_TRANSPARENT = 75
_SO_ORIGINAL_DST = 80  # IP6T_SO_ORIGINAL_DST has the same number
_SOCKADDR_IN = struct.Struct("!2xH4s8x")
_SOCKADDR_IN6 = struct.Struct("!2xH4x16s4x")


class Intercept(StrEnum):
    """How connections were turned to the guard."""

    TPROXY = "tproxy"
    REDIRECT = "redirect"


class LoopError(Exception):
    """The connection leads to the guard itself; the text says how."""


class InterceptError(Exception):
    """This process can't intercept; the text is one clear line."""


@dataclass(slots=True)
class Destination:
    """Where a session's second connection goes. ``source`` is the client's address where the server is to see it."""

    address: Address
    source: str | None = None
    ours: Address | None = None  # our end of that connection, once there is one
    numeric: str | None = field(init=False)  # the host, where it is no name: worked out once, asked every session

    def __post_init__(self) -> None:
        self.numeric = self.address[0] if is_address(self.address[0]) else None


class Interception:
    """The interception of one guard. ``upstream`` is where a connection goes that called the guard itself."""

    def __init__(self, mode: Intercept, upstream: Address | None = None) -> None:
        self.mode = mode
        self._upstream = upstream
        self._ours: set[tuple[Address, Address]] = set()  # our end and the server's

    def prepare(self, listener: socket.socket) -> None:
        """Make a listener, not bound yet, one that can accept what was to go elsewhere. Raises InterceptError."""
        if self.mode is not Intercept.TPROXY:
            return
        try:
            _set_transparent(listener)
        except PermissionError:
            raise InterceptError(
                "transparent sockets take CAP_NET_ADMIN or CAP_NET_RAW, and this process has neither"
            ) from None
        except OSError as error:
            raise InterceptError(f"this system has no transparent sockets: {error.strerror}") from None

    def destination(self, accepted: Any, own_ports: Collection[int]) -> Destination:
        """Where the connection of this socket was to go. Raises LoopError where that is one of the guard's own ports.

        ``accepted`` is a socket, or what a transport gives in its place.
        """
        client = _plain(accepted.getpeername())
        source = client[0] if self.mode is Intercept.TPROXY else None
        target = _plain(accepted.getsockname()) if source is not None else _original_destination(accepted)
        if target is None or target[1] in own_ports:
            # No port that is intercepted is the guard's: net.plan sees to that.
            if self._upstream is None:
                raise LoopError("the guard's own port was called, and there is no --upstream for such connections")
            target, source = self._upstream, None
        if source is None and (client, target) in self._ours:
            raise LoopError("the guard's own connection to the server was turned back to the guard")
        return Destination(target, source)

    async def connect(self, destination: Destination) -> socket.socket:
        """A connected socket to there, from the client's address where the server is to see it.

        Raises OSError, and UnicodeError for an upstream's name that no DNS can hold.
        """
        loop = asyncio.get_running_loop()
        family, _, _, _, address = (await loop.getaddrinfo(*destination.address, type=socket.SOCK_STREAM))[0]
        sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # named, for asyncio to set NODELAY
        try:
            sock.setblocking(False)
            if destination.source is not None:
                _set_transparent(sock)
                # A port is taken at connect, by server: one client may have more connections than there are ports.
                sock.setsockopt(socket.SOL_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((destination.source, 0))
            status = sock.connect_ex(address)
            if status not in (0, errno.EINPROGRESS):
                raise OSError(status, os.strerror(status))
            # Known before the other end can have accepted it, which may be ourselves.
            destination.ours = _plain(sock.getsockname())
            self._ours.add((destination.ours, destination.address))
            if status:
                # A second connect() on the way to the first: the loop waits for that one.
                await loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            self.release(destination)
            raise
        return sock

    def release(self, destination: Destination) -> None:
        """The session is over."""
        if destination.ours is not None:
            self._ours.discard((destination.ours, destination.address))


def _set_transparent(sock: socket.socket) -> None:
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_TRANSPARENT, 1)
    else:
        sock.setsockopt(socket.SOL_IP, _IP_TRANSPARENT, 1)


def _original_destination(accepted: Any) -> Address | None:
    """None where the kernel rewrote nothing."""
    try:
        if accepted.family == socket.AF_INET6:
            raw = accepted.getsockopt(socket.IPPROTO_IPV6, _SO_ORIGINAL_DST, _SOCKADDR_IN6.size)
            port, octets = _SOCKADDR_IN6.unpack(raw)
            return socket.inet_ntop(socket.AF_INET6, octets), port
        raw = accepted.getsockopt(socket.SOL_IP, _SO_ORIGINAL_DST, _SOCKADDR_IN.size)
        port, octets = _SOCKADDR_IN.unpack(raw)
        return socket.inet_ntop(socket.AF_INET, octets), port
    except OSError:
        return None


def _plain(address: tuple[Any, ...]) -> Address:
    """Without the flow and the zone of an IPv6 address."""
    return str(address[0]).partition("%")[0], int(address[1])
