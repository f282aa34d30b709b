"""Named networks: which addresses are inside a group, remembered for each address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Membership = Callable[[Address], bool]

INTERNAL = (
    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # RFC 1918
    "127.0.0.0/8", "::1/128",  # RFC 1122, RFC 4291
    "169.254.0.0/16", "fe80::/10",  # RFC 3927, RFC 4291
    "fc00::/7",  # RFC 4193
)  # fmt: skip
"""What ``internal`` means unless a policy says otherwise; ``external`` is every other address."""

PREDEFINED = ("internal", "external")

_REMEMBERED = 4096  # addresses a group; a busy relay sees fewer at one time


def looks_like_network(word: str) -> bool:
    """Whether ``word`` is meant as an address or CIDR rather than as a name."""
    try:
        ip_network(word)
    except ValueError:
        return "/" in word or ":" in word or word[:1].isdigit()
    return True


def membership(words: tuple[str, ...], groups: Mapping[str, tuple[str, ...]]) -> Membership:
    """A test whether an address is in any of ``words``: names from ``groups``, predefined names, or CIDRs."""
    networks: list[Network] = []
    elsewhere: list[Network] | None = None
    for word in words:
        if word == "external" and word not in groups:
            elsewhere = _parse(groups.get("internal", INTERNAL))
        elif word == "internal" and word not in groups:
            networks += _parse(INTERNAL)
        else:
            networks += _parse(groups.get(word, (word,)))

    @lru_cache(maxsize=_REMEMBERED)
    def inside(address: Address) -> bool:
        plain = _plain(address)
        if any(plain in network for network in networks):
            return True
        return elsewhere is not None and not any(plain in network for network in elsewhere)

    return inside


def _parse(words: tuple[str, ...]) -> list[Network]:
    return [ip_network(word) for word in words]


def _plain(address: Address) -> Address:
    """An IPv4 address that came through an IPv6 socket (RFC 4291 2.5.5.2) is judged as what it is."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped
