"""One row of an MX lookup."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from smtpguard.lab.domain_names import DomainName


class Exchanger(BaseModel):
    """Lower ``preference`` is tried first (RFC 5321 5.1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preference: int = Field(ge=0, le=65535)
    host: DomainName
