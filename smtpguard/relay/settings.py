"""The relay's settings: limits with their reasons, and the configuration file that can change them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from smtpguard.inspection.deadlines import Deadlines
from smtpguard.policy.errors import PolicyError
from smtpguard.policy.explain import UNKNOWN, problems
from smtpguard.policy.loader import read_document
from smtpguard.relay.addresses import Address, parse_address
from smtpguard.relay.proxy_settings import ProxyProtocolSettings
from smtpguard.relay.tls_settings import TlsSettings

READ_OCTETS = 65_536
"""One read, and so what one session may hold beside an unfinished line (law 6)."""

BULK_OCTETS = 262_144
"""One read while a body streams through and nothing is held: fewer, larger reads cost less an octet."""

Seconds = Annotated[float, Field(gt=0, le=7 * 24 * 3600)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]


_RFC = Deadlines()


class ConfigError(Exception):
    """A configuration that can't be used; the text is one clear line."""


class DeadlineSettings(BaseModel):
    """Seconds of RFC 5321 4.5.3.2, each as in ``inspection.deadlines``."""

    model_config = ConfigDict(extra="forbid")

    greeting: Seconds = _RFC.greeting
    reply: Seconds = _RFC.reply
    data_init: Seconds = _RFC.data_init
    data_block: Seconds = _RFC.data_block
    message_end: Seconds = _RFC.message_end
    command: Seconds = _RFC.command
    stalled: Seconds = _RFC.stalled
    tunnel: Seconds = _RFC.tunnel


class LimitSettings(BaseModel):
    """Who may begin a session, and how little a client may send; what is not set is not limited."""

    model_config = ConfigDict(extra="forbid")

    client_sessions: Count | None = None
    """Sessions at once of one client."""
    network_sessions: Count | None = None
    """Sessions at once of one network."""
    client_rate: Count | None = None
    """New connections a minute of one client."""
    network_rate: Count | None = None
    """New connections a minute of one network."""
    client_prefix_ipv6: Annotated[int, Field(ge=1, le=128)] = 64
    """What counts as one client: a host has a /64 to itself (RFC 4291 2.5.4)."""
    network_prefix_ipv4: Annotated[int, Field(ge=1, le=32)] = 24
    network_prefix_ipv6: Annotated[int, Field(ge=1, le=128)] = 48
    """What counts as one network; a site is given a /48 (RFC 6177)."""
    octets_held: Annotated[int, Field(ge=65_536)] | None = None
    """Octets held in all sessions together, past which no new one begins (or as ``failure.overload`` says)."""
    payload_rate: Count | None = None
    """The least octets a second that a client may send while it is in the middle of a payload."""
    payload_seconds: Seconds = 60.0
    """Over how long that is measured."""
    store: str | None = None
    """A Redis or Valkey in which several guards count together, such as ``redis://127.0.0.1:6379/0``."""
    store_deadline: Annotated[float, Field(gt=0, le=30)] = 0.25
    """Seconds that it has for an answer."""
    store_down: Literal["open", "closed"] = "open"
    """Without an answer: go on by this guard's own counts, or refuse."""

    @property
    def asks_who(self) -> bool:
        """Whether any limit looks at the client's address."""
        return any((self.client_sessions, self.network_sessions, self.client_rate, self.network_rate))


class FailureSettings(BaseModel):
    """What becomes of mail when the upstream fails, or when the guard has more to do than it can."""

    model_config = ConfigDict(extra="forbid")

    second_upstream: str | None = None
    """HOST:PORT of a server that is called where the upstream can't be reached; without one the client hears 421."""
    connect: Seconds = 10.0
    """Seconds that the upstream has to accept a connection before the second one is called."""
    overload: Literal["refuse", "tunnel"] = "refuse"
    """421 to new sessions (fail closed), or past them unseen, each with a record (fail open)."""
    lag: Seconds | None = None
    """The guard has too much to do when what it meant to do at once comes so many seconds late."""

    @field_validator("second_upstream")
    @classmethod
    def _is_an_address(cls, text: str | None) -> str | None:
        if text is not None:
            parse_address(text)
        return text

    @property
    def second(self) -> Address | None:
        """``second_upstream``, read."""
        return parse_address(self.second_upstream) if self.second_upstream is not None else None


class RelaySettings(BaseModel):
    """What ``--config FILE`` may say; every figure has a default that serves."""

    model_config = ConfigDict(extra="forbid")

    max_sessions: Annotated[int, Field(ge=1, le=1_000_000)] = 1000
    """Sessions at once; Exchange's own cap for outbound connections is the same (1,000)."""
    drain: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """Seconds that sessions may still go on after SIGTERM."""
    linger: Seconds = 5.0
    """Seconds that a peer has to take our last words after a close."""
    deadlines: DeadlineSettings = DeadlineSettings()
    limits: LimitSettings = LimitSettings()
    failure: FailureSettings = FailureSettings()
    tls: TlsSettings = TlsSettings()
    proxy_protocol: ProxyProtocolSettings = ProxyProtocolSettings()
    xclient: bool = False
    """Whether the server is told by XCLIENT who the client is, where it offers the verb."""

    def waits(self) -> Deadlines:
        """The deadlines as the Inspector takes them."""
        return Deadlines(**self.deadlines.model_dump())


def load_settings(path: Path) -> RelaySettings:
    """Read a configuration file. Raises ConfigError with file, place and what to write instead."""
    try:
        document = read_document(path)
    except PolicyError as error:
        raise ConfigError(str(error)) from error
    data = document.value if document.value is not None else {}
    if isinstance(data, dict):
        # A section of which every line is a comment says nothing.
        data = {name: value for name, value in data.items() if value is not None}
    try:
        return RelaySettings.model_validate(data)
    except ValidationError as error:
        found = problems(error, document, (), RelaySettings)
        # A field that is misspelt is missing as well: its name says more.
        first = next((one for one in found if one.message == UNKNOWN), found[0])
        raise ConfigError(str(first)) from error
