"""Names of hosts and domains in the lab's documents: those that DNS and SMTP can carry (RFC 1035 2.3.4). No lookup."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from smtpguard.policy.errors import quoted

_LONGEST = 253  # characters, the dots among them
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"  # with the underscore of many an internal host
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")


def domain_name(text: str) -> str:
    """``text`` when it can be a host or a domain; raises ``ValueError`` otherwise."""
    if len(text) > _LONGEST or not _NAME.fullmatch(text):
        raise ValueError(f"{quoted(text)} is no host or domain name")
    return text


DomainName = Annotated[str, AfterValidator(domain_name)]
