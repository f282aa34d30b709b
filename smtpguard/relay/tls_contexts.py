"""Certificates and the rules of TLS, loaded once and swapped whole.

    contexts = load_contexts(settings)      # raises ConfigError: one line, nothing half loaded
    guard.swap_tls(contexts)                # handshakes from now on; sessions that are up keep what they have

TLS 1.2 is the least on both legs, no ALPN, no renegotiation, no compression. Which certificate a client gets is decided
by the server name that it asks for (RFC 6066 3); a name that no certificate bears gets the first.
"""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from smtpguard.relay.settings import ConfigError
from smtpguard.relay.tls_layer import reason
from smtpguard.relay.tls_settings import CertificateSettings, TlsSettings

_OPTIONS = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION


@dataclass(frozen=True, slots=True)
class TlsContexts:
    """``server`` for the leg to clients, None where there is no certificate; ``client`` for the leg to the server."""

    server: ssl.SSLContext | None
    client: ssl.SSLContext


def load_contexts(settings: TlsSettings, now: dt.datetime | None = None) -> TlsContexts:
    """Read every file that the settings name. Raises ConfigError for the first that can't serve."""
    now = now if now is not None else dt.datetime.now(dt.UTC)
    return TlsContexts(_towards_clients(settings, now), _towards_server(settings))


def _towards_clients(settings: TlsSettings, now: dt.datetime) -> ssl.SSLContext | None:
    by_name: dict[str, ssl.SSLContext] = {}
    first: ssl.SSLContext | None = None
    for entry in settings.certificates:
        names = _check(entry, now)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.options |= _OPTIONS
        try:
            context.load_cert_chain(entry.certificate, entry.key)
        except (ssl.SSLError, OSError) as error:
            why = reason(error) if isinstance(error, ssl.SSLError) else error.strerror
            raise ConfigError(f"{entry.certificate}: the certificate can't be used: {why}") from error
        for name in entry.names or names:
            by_name.setdefault(name.lower().rstrip("."), context)
        first = first or context
    if first is not None:
        first.sni_callback = _Chooser(by_name)
    return first


class _Chooser:
    """Gives a client the certificate for the name that it asks for."""

    def __init__(self, by_name: dict[str, ssl.SSLContext]) -> None:
        self._by_name = by_name

    def __call__(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        if name is None:
            return
        name = name.lower().rstrip(".")
        # RFC 6125 6.4.3: a star stands for one label.
        chosen = self._by_name.get(name) or self._by_name.get("*." + name.partition(".")[2])
        if chosen is not None:
            connection.context = chosen


def _towards_server(settings: TlsSettings) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= _OPTIONS
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif settings.ca is None:
        context.load_default_certs()
    else:
        text = _read(settings.ca, "the file of issuers")
        try:
            context.load_verify_locations(cadata=text.decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise ConfigError(f"{settings.ca}: there is no certificate of an issuer in it; expected PEM") from error
    return context


# --- what a file may be wrong in -----------------------------------------------------------------------------------


def _check(entry: CertificateSettings, now: dt.datetime) -> list[str]:
    """Raises ConfigError where certificate and key can't serve together, now; gives the names in the certificate."""
    path = entry.certificate
    text = _read(path, "the certificate")
    try:
        certificate = x509.load_pem_x509_certificates(text)[0]
    except ValueError as error:
        raise ConfigError(
            f"{path}: there is no certificate in it; expected PEM, -----BEGIN CERTIFICATE-----"
        ) from error
    if now >= certificate.not_valid_after_utc:
        raise ConfigError(f"{path}: the certificate expired on {certificate.not_valid_after_utc:%Y-%m-%d}; renew it")
    if now < certificate.not_valid_before_utc:
        raise ConfigError(f"{path}: the certificate is not valid before {certificate.not_valid_before_utc:%Y-%m-%d}")
    _check_key(entry.key or path, certificate, path)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    return names.value.get_values_for_type(x509.DNSName)


def _check_key(path: Path, certificate: x509.Certificate, certificate_path: Path) -> None:
    text = _read(path, "the key")
    try:
        key = serialization.load_pem_private_key(text, None)
    except TypeError as error:
        raise ConfigError(
            f"{path}: the key is encrypted; give one without a passphrase, for the guard's user"
        ) from error
    except ValueError as error:
        raise ConfigError(
            f"{path}: there is no private key in it; expected PEM, -----BEGIN PRIVATE KEY-----"
        ) from error
    form = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise ConfigError(f"{path}: the key does not belong to the certificate in {certificate_path}")


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: {what} can't be read: {error.strerror}") from error
