"""A client behind a proxy, and the settings of a guard that believes the proxy."""

from __future__ import annotations

from typing import Any

from smtpguard.relay.settings import RelaySettings

CLIENT = ("198.51.100.7", 40210)
TARGET = ("192.0.2.25", 25)


def settings(*accept_from: str, **more: Any) -> RelaySettings:
    """A guard that believes these networks."""
    proxy = {"accept_from": list(accept_from), **more.pop("proxy_protocol", {})}
    return RelaySettings.model_validate({"linger": 1.0, "proxy_protocol": proxy, **more})
