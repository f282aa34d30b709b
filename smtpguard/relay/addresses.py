"""HOST:PORT, read and shown; the ends of a connection; whether a host is an address, whether it is this one."""

from __future__ import annotations

from asyncio import BaseTransport
from ipaddress import ip_address
from typing import Literal

Address = tuple[str, int]


def parse_address(text: str, *, lowest: int = 1) -> Address:
    """HOST:PORT or [IPv6]:PORT. Raises ValueError; ``lowest`` is the least port that makes sense."""
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError("expected HOST:PORT, such as 127.0.0.1:2525")
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        raise ValueError("an IPv6 address stands in brackets, such as [::1]:2525")
    if not (port.isascii() and port.isdigit()) or not lowest <= int(port) <= 65535:
        raise ValueError(f"{port or 'nothing'!r} is no port; expected {lowest} to 65535")
    return host.strip("[]"), int(port)


def show_address(address: Address) -> str:
    """An IPv6 address in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def end_of(transport: BaseTransport | None, which: Literal["peername", "sockname"]) -> Address | None:
    """One end of a connection, without the zone of a link-local address; None where there is none any more."""
    name = transport.get_extra_info(which) if transport is not None else None
    return (str(name[0]).partition("%")[0], int(name[1])) if isinstance(name, tuple) else None


def is_address(host: str) -> bool:
    """Whether ``host`` is an IP address and no name; ``127.1`` is none, though a resolver may take it."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def on_loopback(host: str) -> bool:
    """Whether nothing said to ``host`` leaves this one, for certain: a name says so only if it is ``localhost``."""
    return host == "localhost" or (is_address(host) and ip_address(host).is_loopback)
