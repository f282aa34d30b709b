"""A scenario: who sends what to whom, through which systems, and what should come of it.

Loaded from ``scenarios/*.yaml``.
"""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from smtpguard.lab import documents
from smtpguard.lab.mx import Exchanger, MxTable
from smtpguard.lab.schedule import Schedule

Outcome = Literal["delivered", "ndr"]

NO_FIREWALL = "none"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SenderSettings(_Part):
    """``blob``: octets of the message properties that go with XEXCH50; their content is drawn from the seed."""

    host: str
    address: str
    recipients: tuple[str, ...] = Field(min_length=1)
    blob: int = Field(default=1020, ge=1, le=1_073_741_824)


class ReceiverSettings(_Part):
    """``authenticate_first``: XEXCH50 is answered as to a stranger."""

    host: str
    domains: tuple[str, ...] = Field(min_length=1)
    profile: str
    authenticate_first: bool = False


class Scenario(_Part):
    """``start`` is the date at simulated second 0; ``expects`` says what should come of each firewall policy."""

    name: str
    title: str
    source: str
    start: AwareDatetime
    seed: int
    firewall: str  # when the user names none
    sender: SenderSettings
    receiver: ReceiverSettings
    mx: dict[str, tuple[Exchanger, ...]]
    schedule: Schedule = Schedule()
    expects: dict[str, Outcome] = {}

    def expected(self, firewall: str) -> Outcome | None:
        """What should come of it; None for a policy that the scenario says nothing of."""
        return self.expects.get(firewall)

    @property
    def mx_table(self) -> MxTable:
        """The exchangers as the sender looks them up."""
        return MxTable(domains=self.mx)


def load_scenario(name: str) -> Scenario:
    """The scenario ``name`` of those that ship; raises ``LabError`` for an unknown one."""
    return documents.load("scenarios", name, Scenario)
