"""The ``proxy_protocol:`` section of the configuration: whose headers are believed, which header the server gets."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

ProxyVersion = Literal["v1", "v2"]

HEADER_SECONDS = 5.0
"""For a whole header; the protocol's text asks for 3 at least, so that one lost segment can be sent again."""


def _network(text: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(str(text))
    except ValueError as error:
        raise ValueError(f"{error}; write a network such as 192.0.2.0/24, or one address") from error


class ProxyProtocolSettings(BaseModel):
    """Nobody's header is believed and none is sent, unless this says so."""

    model_config = ConfigDict(extra="forbid")

    accept_from: list[Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]] = []
    """Networks of proxies: each of their connections must begin with a header, nobody else's may."""
    header: Annotated[float, Field(gt=0, le=60)] = HEADER_SECONDS
    """Seconds that a proxy has for it."""
    send: ProxyVersion | None = None
    """The version of the header that the server gets; it must expect one."""
