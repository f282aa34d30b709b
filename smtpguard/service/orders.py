"""What a guard was told to do, and what it read: the part that a reload reads anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from smtpguard.policy.errors import PolicyError, one_line
from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.addresses import Address, show_address
from smtpguard.relay.interception import Intercept
from smtpguard.relay.settings import ConfigError, RelaySettings, load_settings
from smtpguard.relay.shared_store import SharedStore, StoreError
from smtpguard.relay.tls_contexts import TlsContexts
from smtpguard.service.descriptors import make_room
from smtpguard.service.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Orders:
    """The command line of ``smtpguard serve``. ``settle`` puts what it says of TLS and of clients into the settings of
    a file and loads the certificates; it raises ServiceError."""

    settle: Callable[[RelaySettings], tuple[RelaySettings, TlsContexts]]
    listen: Address | None
    tls_listen: Address | None
    upstream: Address | None
    policy: str
    by_systemd: bool = False  # systemd holds the sockets of ``listen``
    intercept: Intercept | None = None
    observe: bool = False
    shadow: str | None = None
    config: Path | None = None
    workers: int = 1
    metrics: Address | None = None
    pid_file: Path | None = None
    transcripts: bool = False
    traces: bool = False


@dataclass(frozen=True, slots=True)
class InForce:
    """What is in force. ``wanted_sessions``: what ``max_sessions`` said before it was seen how many fit."""

    rulebook: Rulebook
    shadow: Rulebook | None
    settings: RelaySettings
    certificates: TlsContexts
    wanted_sessions: int


def read(orders: Orders) -> InForce:
    """Read policy and settings, all of it or nothing, and make room for the sessions. Raises ServiceError."""
    try:
        settings = load_settings(orders.config) if orders.config is not None else RelaySettings()
        settings, certificates = orders.settle(settings)
        if settings.limits.store is not None:
            SharedStore(settings.limits.store, settings.limits.store_deadline)
        wanted = settings.max_sessions
        settings = settings.model_copy(update={"max_sessions": make_room(wanted)})
        return InForce(
            rulebook=load_policy(orders.policy, observe=orders.observe),
            shadow=load_policy(orders.shadow, observe=True) if orders.shadow is not None else None,
            settings=settings,
            certificates=certificates,
            wanted_sessions=wanted,
        )
    except (ConfigError, PolicyError) as error:
        raise ServiceError(one_line(str(error))) from error
    except StoreError as error:
        raise ServiceError(f"{orders.config}: limits.store: {error}") from error


def read_anew(orders: Orders) -> InForce:
    """``read`` for a guard that carries mail: a defect of ours in it is no more than a reload that failed. Raises
    ServiceError."""
    try:
        return read(orders)
    except ServiceError:
        raise
    except Exception as error:
        raise ServiceError(f"a defect while reading: {error!r}") from error


def described(orders: Orders, terms: InForce, port: int, tls_port: int) -> dict[str, object]:
    """The fields of the record ``listening``; the ports that the kernel chose, where 0 was asked for."""
    address = orders.listen or orders.tls_listen
    mode = terms.settings.tls.mode
    return {
        "address": address[0] if address is not None else "systemd",
        "port": port,
        **({"tls_address": orders.tls_listen[0], "tls_port": tls_port} if orders.tls_listen is not None else {}),
        **({"starttls": mode} if mode != "tunnel" else {}),
        **({"upstream": show_address(orders.upstream)} if orders.upstream is not None else {}),
        **({"intercept": str(orders.intercept)} if orders.intercept is not None else {}),
        **names(terms),
        **({"workers": orders.workers} if orders.workers > 1 else {}),
    }


def names(terms: InForce) -> dict[str, object]:
    """Which policies are in force."""
    return {
        "policy": terms.rulebook.name,
        **({"mode": "observe"} if terms.rulebook.meant else {}),
        **({"shadow": terms.shadow.name} if terms.shadow is not None else {}),
    }


def warnings(terms: InForce) -> dict[str, dict[str, object]]:
    """Records of what nobody should do unknowingly."""
    found: dict[str, dict[str, object]] = {}
    if terms.settings.tls.mode == "strip":
        found["tls-stripped"] = {"warning": "mail and passwords cross the network in clear"}
    if terms.settings.max_sessions < terms.wanted_sessions:
        found["few-descriptors"] = {
            "warning": "no more sessions at once than file descriptors; raise ulimit -n or LimitNOFILE",
            "max_sessions": terms.settings.max_sessions,
            "wanted": terms.wanted_sessions,
        }
    return found
