"""A private Postfix with STARTTLS and a certificate for mx.example, ``mx.example.pem``; takes XCLIENT from loopback."""

from __future__ import annotations

from tests.real.postfix_instance import PrivatePostfix
from tests.relay.tls_hosts import files

_SETTINGS = """\
smtpd_tls_security_level = may
smtpd_tls_cert_file = {root}/mx.example.pem
smtpd_tls_key_file = {root}/mx.example.key
smtpd_tls_loglevel = 1
smtpd_authorized_xclient_hosts = 127.0.0.0/8
"""


class PostfixWithTls(PrivatePostfix):
    """One instance with one more port, ``services[name]``, whose smtpd has ``option``."""

    def __init__(self, name: str, option: str) -> None:
        super().__init__(settings=_SETTINGS, services={name: (option,)})

    def start(self) -> None:
        """Start it; RuntimeError with its log when it does not come up."""
        files(self.root, "mx.example")
        super().start()
