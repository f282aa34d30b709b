"""Orders for a guard on loopback, and what is in force under them."""

from __future__ import annotations

from smtpguard.relay.settings import RelaySettings
from smtpguard.relay.tls_contexts import TlsContexts, load_contexts
from smtpguard.service.orders import Orders


def settle(settings: RelaySettings) -> tuple[RelaySettings, TlsContexts]:
    """A command line that says nothing of TLS and of clients."""
    return settings, load_contexts(settings.tls)


def orders(policy: str = "pass", **more: object) -> Orders:
    """``more`` are fields of Orders."""
    given: dict[str, object] = {
        "settle": settle, "listen": ("127.0.0.1", 0), "tls_listen": None, "upstream": ("192.0.2.1", 25),
        "policy": policy,
    }  # fmt: skip
    return Orders(**{**given, **more})  # type: ignore[arg-type]
