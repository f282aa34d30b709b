"""What a scenario says of its receiver: which host it is, as which system it speaks, and what is switched off there.

The words and the list of keywords are the profile's (``profile``); nothing here is a text on the wire but names.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from smtpguard.lab.domain_names import DomainName

# The event sinks of Exchange 2000/2003 whose registration decides over the X- keywords: peexch50.dll makes XEXCH50,
# xlsasink.dll X-LINK2STATE; ``exps`` is a name of ours for the sink that does X-EXPS.
Sink = Literal["peexch50.dll", "xlsasink.dll", "exps"]


class ReceiverSettings(BaseModel):
    """``users``: accounts of Exchange servers of the same organisation; ``NAME`` or ``DOMAIN\\NAME`` to password.

    ``unregistered``: sinks that are not loaded; their keywords and verbs are missing. ``keywords_off``: further
    keywords taken off the list, though their verbs still work. ``strangers_may_xexch50`` false: who is not
    authenticated is answered with the profile's refusal (504, or 505 of Exchange 5.5).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: DomainName
    domains: tuple[DomainName, ...] = Field(min_length=1)
    profile: str = "exchange-2003"
    unregistered: tuple[Sink, ...] = ()
    strangers_may_xexch50: bool = True
    users: dict[str, str] = {}
    keywords_off: tuple[str, ...] = ()

    @field_validator("users")
    @classmethod
    def _fit_the_file(cls, users: dict[str, str]) -> dict[str, str]:
        """The NTLM acceptor reads accounts as one line each, parted by colons, and knows no escape for them."""
        for text in (*users, *users.values()):
            if ":" in text or len(text.splitlines()) != 1:
                raise ValueError("a name or password may not be empty and may hold no colon and no line end")
        return users
