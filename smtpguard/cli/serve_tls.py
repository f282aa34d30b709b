"""What ``serve`` says of TLS and of who the client is: its options over the configuration's, checked together.

Raises UsageError, one line, before anything listens: for options that contradict each other, for a file that can't
serve, and for a setting that would send in clear across a network what came encrypted.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path

from smtpguard.cli.errors import UsageError
from smtpguard.relay.addresses import Address, on_loopback
from smtpguard.relay.proxy_settings import ProxyProtocolSettings, ProxyVersion
from smtpguard.relay.settings import ConfigError, RelaySettings
from smtpguard.relay.tls_contexts import TlsContexts, load_contexts
from smtpguard.relay.tls_settings import CertificateSettings, TlsMode, TlsSettings

STRIPPED = (
    "smtpguard: WARNING: --tls strip takes STARTTLS out of every session: mail and passwords cross the network in clear"
)


def with_tls(
    settings: RelaySettings, *, mode: TlsMode | None, certificate: Path | None, key: Path | None, no_verify: bool
) -> RelaySettings:
    """The settings with what the options say of TLS."""
    if key is not None and certificate is None:
        raise UsageError(f"--key {key}: a key goes with a certificate; give --cert FILE too")
    tls = settings.tls
    changes: dict[str, object] = {}
    if mode is not None:
        changes["mode"] = mode
    if certificate is not None:
        changes["certificates"] = [CertificateSettings(certificate=certificate, key=key)]
    if no_verify:
        changes |= {"verify": False, "ca": None}
    if (mode or tls.mode) == "bridge" and certificate is None and not tls.certificates:
        raise UsageError("--tls bridge needs a certificate: --cert FILE --key FILE, or tls.certificates in --config")
    # Built by hand: what the file says was checked when it was read.
    return settings.model_copy(update={"tls": tls.model_copy(update=changes)})


def with_client(
    settings: RelaySettings, *, accept: str | None, send: ProxyVersion | None, xclient: bool
) -> RelaySettings:
    """The settings with what the options say of who the client is."""
    proxy: ProxyProtocolSettings = settings.proxy_protocol
    changes: dict[str, object] = {}
    if accept is not None:
        changes["accept_from"] = [_network(word) for word in accept.split(",")]
    if send is not None:
        changes["send"] = send
    return settings.model_copy(
        update={"proxy_protocol": proxy.model_copy(update=changes), "xclient": xclient or settings.xclient}
    )


def _network(word: str) -> object:
    try:
        return ip_network(word.strip())
    except ValueError as error:
        raise UsageError(f"--proxy-protocol {word.strip()}: {error}; expected networks such as 10.0.0.0/8") from error


def contexts(tls: TlsSettings, *, clear: bool, tls_listen: Address | None, servers: Sequence[Address]) -> TlsContexts:
    """The certificates, loaded, once the settings fit the listeners and the ``servers`` behind the guard. ``clear``:
    one listener begins without TLS."""
    used = tls.mode == "bridge" or tls_listen is not None
    if tls_listen is not None and not tls.certificates:
        raise UsageError("--tls-listen needs a certificate: --cert FILE --key FILE, or tls.certificates in --config")
    if tls.certificates and not used:
        raise UsageError("a certificate is of no use without --tls bridge or --tls-listen")
    if not tls.verify and not used:
        raise UsageError(
            "--no-verify is of no use without --tls bridge or --tls-listen: the guard checks no certificate"
        )
    if tls.upstream == "implicit" and clear:
        raise UsageError(
            "tls.upstream implicit: the server would hear clear text over TLS and take it for safe; "
            "give --tls-listen alone, or upstream: starttls"
        )
    onward = tls.upstream == "none" or tls.if_unavailable == "clear"
    elsewhere = [host for host, _ in servers if not on_loopback(host)]
    if used and onward and elsewhere:
        name = "upstream: none" if tls.upstream == "none" else "if_unavailable: clear"
        raise UsageError(
            f"tls.{name} would send in clear to {elsewhere[0]} what came encrypted; it is for a server on loopback"
        )
    try:
        return load_contexts(tls)
    except ConfigError as error:
        raise UsageError(str(error)) from error


def warn(tls: TlsSettings) -> None:
    """Say aloud what nobody should do unknowingly."""
    if tls.mode == "strip":
        print(STRIPPED, file=sys.stderr, flush=True)  # noqa: T201
