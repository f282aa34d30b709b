"""From where the analyzer connects: another address of this machine, or a proxy somewhere else.

A proxy makes a second vantage point of any host that one can log in to: ``ssh -D 1080 outside`` opens a SOCKS5 proxy
whose connections begin there. python-socks speaks to it. Names are looked up here, whatever the way.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from dataclasses import dataclass

from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError, parse_proxy_url
from python_socks.async_.asyncio import Proxy

from smtpguard.analyzer.target import TargetError

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Via:
    """``address``: which of this machine's own to connect from; ``proxy``: the URL of a proxy. Neither: straight."""

    address: str = ""
    proxy: str = ""

    async def connect(self, host: str, port: int, seconds: float, context: ssl.SSLContext | None = None) -> Streams:
        """Open a connection, with TLS from the first octet where ``context`` is given. Raises OSError, TimeoutError."""
        if not self.proxy:
            local = (self.address, 0) if self.address else None
            return await asyncio.open_connection(host, port, local_addr=local, ssl=context)
        try:
            sock = await Proxy.from_url(self.proxy).connect(dest_host=host, dest_port=port, timeout=seconds)
        except ProxyTimeoutError:
            raise TimeoutError from None
        except (ProxyConnectionError, ProxyError) as error:
            raise OSError(f"through the proxy: {error}") from None
        # asyncio sets this where it made the socket itself; without it octets typed one by one go out together.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return await asyncio.open_connection(sock=sock, ssl=context, server_hostname=host if context else None)


STRAIGHT = Via()


def read_via(text: str) -> Via:
    """The way that ``text`` names: an address, or ``socks5://``, ``socks4://`` or ``http://`` with HOST:PORT."""
    if "://" in text:
        try:
            parse_proxy_url(text)
        except ValueError:
            raise TargetError(f"{text}: expected a proxy such as socks5://127.0.0.1:1080") from None
        return Via(proxy=text)
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise TargetError(
            f"{text!r}: expected an address of this machine, or a proxy such as socks5://127.0.0.1:1080"
        ) from None
    return Via(address=text)
