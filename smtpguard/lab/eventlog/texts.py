"""The texts of the lab's event logs as data: one file an event id in ``eventlog/*.yaml``, each with its source.

Raises ``LabError`` for a document that does not fit.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from smtpguard.lab import documents
from smtpguard.lab.events import Host

Mark = Literal["A", "B", "C", "I"]
Type = Literal["Error", "Warning", "Information"]


class EventText(BaseModel):
    """What Event Viewer shows of one event id. Words in braces of ``description`` are filled in.

    ``mark`` and ``source``: how sure the text is and where it stands (A vendor text, B raw log or public source,
    C secondary, I inference). ``inferred`` and ``ours`` name the fields for which that does not hold. ``data``:
    ``command`` puts the first octets of the command behind the text. ``protocol_logging``: logged only when SMTP
    Protocol logging stands at Medium or higher (KB843106).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: Host
    event_source: str = Field(min_length=1)
    category: str = Field(min_length=1)
    type: Type
    event_id: int = Field(ge=0)
    user: str
    description: str = Field(min_length=1)
    data: Literal["none", "command"]
    protocol_logging: bool = False
    mark: Mark
    source: str = Field(min_length=1)
    inferred: tuple[str, ...] = ()
    ours: tuple[str, ...] = ()


@cache
def event_text(event_id: int) -> EventText:
    """The text of ``event_id``; raises ``LabError`` for one that the lab does not have."""
    return documents.load("eventlog", str(event_id), EventText)


@cache
def known_ids() -> frozenset[int]:
    """The ids for which there is a text."""
    return frozenset(int(name) for name in documents.names("eventlog"))
