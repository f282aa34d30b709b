"""A self-signed certificate for a host of the lab, as the wizard of a Small Business Server makes one.

The key is made once a process and never leaves it but for the moment in which ``ssl`` reads it, for it reads files
only: a folder that no one else may open, gone before the function returns. RSA, because the length of its signatures
is fixed: counts of octets are the same in every run. No client should trust it, and none is asked to.
"""

from __future__ import annotations

import datetime as dt
import functools
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

# Wide enough for the lab's calendar and for the real one; the last moment that UTCTime can say (RFC 5280 4.1.2.5).
_FROM = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
_UNTIL = dt.datetime(2049, 12, 31, 23, 59, 59, tzinfo=dt.UTC)
_SERIAL = 1  # of fixed length, as everything in it


def server_context(fqdn: str) -> ssl.SSLContext:
    """A context for the server's side, with a certificate for ``fqdn``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory(prefix="smtpguard-") as folder:
        file = Path(folder) / "certificate.pem"
        file.write_bytes(self_signed(fqdn))
        context.load_cert_chain(file)
    return context


def self_signed(fqdn: str) -> bytes:
    """Key and certificate for ``fqdn``, PEM."""
    # Imported here, as below: only a receiver whose profile has a certificate should pay for it.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    key = _key()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, fqdn[:64])])  # RFC 5280 A.1: at most 64
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(_SERIAL)
        .not_valid_before(_FROM)
        .not_valid_after(_UNTIL)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(fqdn)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return secret + certificate.public_bytes(serialization.Encoding.PEM)


@functools.cache
def _key() -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)
