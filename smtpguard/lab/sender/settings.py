"""What an administrator sets on the sending host, and what there is to send: the ``sender:`` block of a scenario.

The workarounds of KB818222 are here by the names of their effect: ``suppress_external`` is the registry value
``SuppressExternal``, ``hello: HELO`` the connector's check box. Figures of time and of the queue are in ``schedule``.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from smtpguard.lab.domain_names import DomainName, domain_name

_LARGEST_BLOB = 64 * 1024 * 1024  # octets; ours: the lab holds blobs in memory. KB812455 goes up to 1 GiB
_ADDRESS = re.compile(r"[\x21-\x3b=\x3f-\x7e]+@[A-Za-z0-9._-]+")  # printable ASCII without < and >


class SenderSettings(BaseModel):
    """``host`` is what EHLO says and who writes the notifications; ``address`` is the author's.

    ``blob``: octets of the message properties that go with XEXCH50; their content is drawn from the seed.
    ``messages``: copies of the message that enter the queue at once. ``source``: the IPv4 loopback address to connect
    from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: DomainName
    address: str
    recipients: tuple[str, ...] = Field(min_length=1, max_length=100)
    source: str = "127.0.0.1"
    messages: int = Field(default=1, ge=1, le=1000)
    blob: int = Field(default=1020, ge=1, le=_LARGEST_BLOB)
    hello: Literal["EHLO", "HELO"] = "EHLO"
    xexch50: bool = True  # false: a sender without any X- verb
    suppress_external: bool = False
    internal_domains: tuple[DomainName, ...] = ()  # of the same organisation: ``suppress_external`` spares them
    pipelining: bool = True  # the RCPT commands in one group where the server offers it; KB818222 step 9
    content: Literal["bdat", "data"] = "bdat"  # bdat: where the server offers CHUNKING, else DATA all the same
    split_end: bool = False  # the end of DATA in two segments: CRLF and dot, then CRLF (CSCds90792)
    starttls: Literal["never", "offered", "required"] = "never"
    authenticate: Literal["none", "login", "ntlm"] = "none"  # by X-EXPS where offered, else by AUTH
    user: str = ""
    password: str = Field(default="", repr=False)

    @field_validator("address")
    @classmethod
    def _is_address(cls, address: str) -> str:
        if not _ADDRESS.fullmatch(address):
            raise ValueError(f"{address!r} is no mail address")
        domain_name(address.rpartition("@")[2])
        return address

    @field_validator("recipients")
    @classmethod
    def _are_addresses(cls, recipients: tuple[str, ...]) -> tuple[str, ...]:
        for recipient in recipients:
            cls._is_address(recipient)
        if len(set(recipients)) < len(recipients):
            raise ValueError("a recipient is named twice")
        return recipients

    @field_validator("source")
    @classmethod
    def _is_loopback(cls, source: str) -> str:
        if not ipaddress.IPv4Address(source).is_loopback:
            raise ValueError(f"{source} is not a loopback address")
        return source

    @model_validator(mode="after")
    def _knows_who_it_is(self) -> SenderSettings:
        if self.authenticate != "none" and not (self.user and self.password):
            raise ValueError(f"authenticate: {self.authenticate} needs user and password")
        return self

    def internal(self, domain: str) -> bool:
        """Whether ``domain`` belongs to the sender's own organisation."""
        return domain.lower() in {name.lower() for name in self.internal_domains}

    def uses_xexch50(self, domain: str) -> bool:
        """Whether XEXCH50 is sent to servers of ``domain`` that offer it."""
        return self.xexch50 and (self.internal(domain) or not self.suppress_external)
