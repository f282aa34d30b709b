"""The ``tls:`` section of the configuration: what becomes of STARTTLS, which certificates, which way to the server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from smtpguard.inspection.terms import Offer, Terms

TlsMode = Literal["tunnel", "bridge", "refuse", "strip"]


class CertificateSettings(BaseModel):
    """One certificate. ``names``: the server names (SNI) that it is for; left out, those in it."""

    model_config = ConfigDict(extra="forbid")

    certificate: Path
    """PEM, the certificates of its issuers behind it."""
    key: Path | None = None
    """PEM, not encrypted; left out, the key is in the same file."""
    names: list[str] = []


class TlsSettings(BaseModel):
    """Every default is what a guard without a word about TLS does."""

    model_config = ConfigDict(extra="forbid")

    mode: TlsMode = "tunnel"
    certificates: list[CertificateSettings] = []
    """The first is for clients that name no server, or another."""
    upstream: Literal["starttls", "implicit", "none"] = "starttls"
    """How a bridge speaks TLS with the server."""
    if_unavailable: Literal["refuse", "clear"] = "refuse"
    """Where the server does not offer STARTTLS: ``clear`` goes on without towards a server on loopback."""
    verify: bool = True
    """Whether the server's certificate must be valid for ``server_name``."""
    ca: Path | None = None
    """PEM: who may have issued it; left out, the issuers that the system trusts."""
    server_name: str | None = None
    """The name in the server's certificate; left out, the host of --upstream."""
    handshake: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """Seconds that a handshake may take."""

    @model_validator(mode="after")
    def _fits(self) -> TlsSettings:
        if self.mode == "bridge" and not self.certificates:
            raise ValueError("mode bridge needs certificates")
        if self.ca is not None and not self.verify:
            raise ValueError("ca says whom to trust, verify: false that it does not matter; leave one of them out")
        return self

    def terms(self, *, from_the_start: bool = False, shielded: bool = False) -> Terms:
        """What a listener demands of its sessions; ``from_the_start``: TLS from the client's first octet on."""
        if from_the_start:
            return Terms(starttls="bridge", tls=True, shielded=shielded)
        offer: Offer = "never"
        if self.mode == "bridge" and self.upstream == "none":
            offer = "always"
        elif self.mode == "bridge" and self.if_unavailable == "clear":
            offer = "missing"
        return Terms(starttls=self.mode, offer=offer, shielded=shielded)
