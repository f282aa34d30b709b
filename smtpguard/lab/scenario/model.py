"""A scenario: who sends what to whom, through which systems, and what should come of it.

Scenarios that ship lie in ``scenarios/*.yaml``; ``file`` reads these and the user's own.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.zones import Zones
from smtpguard.lab.queue.schedule import Schedule
from smtpguard.lab.receiver.settings import ReceiverSettings
from smtpguard.lab.scenario.ending import Ending
from smtpguard.lab.sender.settings import SenderSettings

NO_FIREWALL = "none"
LOOPBACK = "127.0.0.1"

START = datetime(2007, 10, 25, 9, 0, 0, tzinfo=timezone(timedelta(hours=-7)))
"""The morning of KB818222's last revision; any other would do."""

_FIRST_YEAR, _LAST_YEAR = 1971, 2100  # capture files count the seconds since 1970 in 32 bits


class Scenario(BaseModel):
    """``start`` is the date at simulated second 0; ``expects`` says what should come of each firewall policy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    title: str
    source: str = ""
    about: str = ""  # what to look at, for people
    row: Annotated[int, Field(ge=1, le=12)] | None = None  # of the outcomes of KB818222
    start: AwareDatetime = START
    seed: int = 0
    firewall: str = NO_FIREWALL  # when the user names none
    sender: SenderSettings
    receiver: ReceiverSettings
    protocol_logging: bool = True  # SMTP Protocol logging at Medium or higher: without it no 7004 and no 7010
    dns: Zones | None = None  # left out: the receiver's host is the one exchanger of its domains
    schedule: Schedule = Schedule()
    expects: dict[str, Ending] = {}

    @field_validator("name", "title", "source", "about")
    @classmethod
    def _can_be_shown(cls, text: str, info: ValidationInfo) -> str:
        shown = text.replace("\n", "") if info.field_name == "about" else text
        if not shown.isprintable():
            raise ValueError("holds a control character, or a line end where one line is expected")
        return text

    @field_validator("start")
    @classmethod
    def _fits_a_capture(cls, start: datetime) -> datetime:
        if not _FIRST_YEAR <= start.year <= _LAST_YEAR:
            raise ValueError(f"expected a year from {_FIRST_YEAR} to {_LAST_YEAR}, found {start.year}")
        return start

    def expected(self, firewall: str) -> Ending | None:
        """What should come of it; None for a policy that the scenario says nothing of."""
        return self.expects.get(firewall)

    @property
    def firewall_host(self) -> str:
        """The firewall's name in its event log: a machine of the receiver's domain. The name is ours."""
        return f"fw1.{self.receiver.domains[0]}"

    @property
    def zones(self) -> Zones:
        """What DNS says: ``dns``, where the receiver's host needs no address of its own: it is 127.0.0.1."""
        host, domains = self.receiver.host.lower(), self.receiver.domains
        zones = self.dns
        if zones is None:
            zones = Zones(mx={domain: (Exchanger(preference=10, host=host),) for domain in domains})
        if host in zones.a or host in zones.servfail:
            return zones
        return zones.model_copy(update={"a": {**zones.a, host: (LOOPBACK,)}})
