"""What this host has: the programs that change its network, the right to do so, interfaces, address families.

Reads /proc and asks the kernel; changes nothing. ``HostError`` is one clear line.
"""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

CAP_NET_ADMIN = 12  # capability(7), linux/capability.h

PACKAGES = {"nft": "nftables", "ip": "iproute2"}
_NET = Path("/proc/sys/net")
_SBIN = "/usr/local/sbin:/usr/sbin:/sbin"


class HostError(Exception):
    """The host lacks something, or refused; the text says what, and what to do."""


def program(name: str) -> str:
    """The path of nft or ip, also where sbin is not on PATH. Raises HostError."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), _SBIN)))
    if found is None:
        raise HostError(f"{name} is not installed; install the package {PACKAGES[name]}")
    return found


def require_net_admin() -> None:
    """Raises HostError where this process may not change the network."""
    if not _effective_capabilities() >> CAP_NET_ADMIN & 1:
        raise HostError("changing the network takes CAP_NET_ADMIN; run it as root, or give it that capability alone")


def require_interface(name: str) -> None:
    """Raises HostError where there is no interface of that name."""
    try:
        socket.if_nametoindex(name)
    except OSError:
        known = ", ".join(sorted(other for _, other in socket.if_nameindex() if other != "lo"))
        raise HostError(f"there is no interface {name} here; there is {known or 'none but lo'}") from None


def families() -> tuple[str, ...]:
    """``-4``, and ``-6`` where IPv6 is on."""
    switch = _NET / "ipv6/conf/lo/disable_ipv6"
    off = switch.exists() and switch.read_text().strip() != "0"
    return ("-4",) if off else known_families()


def known_families() -> tuple[str, ...]:
    """``-4``, and ``-6`` where the kernel knows it, switched off or not, or where a sandbox hides what it knows."""
    return ("-4", "-6") if (_NET / "ipv6").is_dir() or not _NET.is_dir() else ("-4",)


def not_forwarding() -> list[str]:
    """The sysctls that keep this host from being a router; it intercepts without, but routes nothing on."""
    names = {"-4": "net.ipv4.ip_forward", "-6": "net.ipv6.conf.all.forwarding"}
    switches = {names[family]: Path("/proc/sys", *names[family].split(".")) for family in families()}
    return [name for name, switch in switches.items() if switch.exists() and switch.read_text().strip() == "0"]


def _effective_capabilities() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0
