"""The MX lookup of step 1, as a table: the thin lab has no DNS server and does not pretend to have one.

What it keeps of the real thing: preferences, several exchangers tried in order, a lookup that fails.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Exchanger(BaseModel):
    """One row: lower ``preference`` is tried first (RFC 5321 5.1)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preference: int = Field(ge=0, le=65535)
    host: str


class MxTable(BaseModel):
    """Domain -> its exchangers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domains: dict[str, tuple[Exchanger, ...]]

    def look_up(self, domain: str) -> tuple[Exchanger, ...]:
        """The exchangers of ``domain``, best first; empty when the table has none."""
        rows = self.domains.get(domain.lower(), ())
        return tuple(sorted(rows, key=lambda row: (row.preference, row.host)))
