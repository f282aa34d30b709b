"""What the lab's DNS server answers: the ``dns:`` block of a scenario."""

from __future__ import annotations

import ipaddress

from pydantic import BaseModel, ConfigDict, Field, field_validator

from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.domain_names import domain_name


class Zones(BaseModel):
    """``mx``: domain -> its exchangers; ``a``: host -> its addresses, all loopback.

    A name in neither is answered NXDOMAIN; one that has the other type only, with no records. Names in ``servfail``
    are answered SERVFAIL, questions about names in ``silent`` are not answered at all. Names have no case.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mx: dict[str, tuple[Exchanger, ...]] = {}
    a: dict[str, tuple[str, ...]] = {}
    servfail: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    ttl: int = Field(default=3600, ge=0, le=2**31 - 1)  # seconds; the lab's sender asks anew for each connection

    @field_validator("mx", "a", "servfail", "silent", mode="after")
    @classmethod
    def _without_case(cls, names: object) -> object:
        if isinstance(names, dict):
            return {_plain(str(name)): value for name, value in names.items()}
        return frozenset(map(_plain, names)) if isinstance(names, frozenset) else names

    @field_validator("a", mode="after")
    @classmethod
    def _are_loopback(cls, hosts: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for host, addresses in hosts.items():
            for address in addresses:
                if not ipaddress.IPv4Address(address).is_loopback:
                    raise ValueError(f"{host}: {address} is not a loopback address")
        return hosts


def _plain(name: str) -> str:
    return domain_name(name.rstrip(".")).lower()
