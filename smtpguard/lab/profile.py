"""A receiver's words and limits as data: which system it is, octet for octet. Loaded from ``profiles/*.yaml``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from smtpguard.lab import documents


class Replies(BaseModel):
    """One text a situation, code included, without the line end; words in braces are filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    helo: str
    sender: str
    recipient: str
    data: str
    queued: str  # the client sent the Message-ID
    queued_own_id: str  # the server made it
    blob: str
    blob_stored: str
    blob_refused: str
    quit: str
    unknown: str
    reset: str
    noop: str
    vrfy: str
    relay: str
    arguments: str
    need_recipient: str
    too_long: str
    chunk: str
    bad_sequence: str
    not_here: str


class Profile(BaseModel):
    """``ours`` names the replies for which no source was found; ``not_here`` the verbs that are advertised only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    summary: str
    source: str
    banner: str
    ehlo: tuple[str, ...] = Field(min_length=1)
    replies: Replies
    ours: frozenset[str] = frozenset()
    not_here: frozenset[str] = frozenset()
    longest_command: PositiveInt
    largest_blob: PositiveInt
    idle_seconds: PositiveFloat

    @model_validator(mode="after")
    def _ours_are_replies(self) -> Profile:
        strangers = self.ours - set(Replies.model_fields)
        if strangers:
            raise ValueError(f"ours: no such reply: {', '.join(sorted(strangers))}")
        return self

    def offers(self, keyword: str) -> bool:
        """Whether the EHLO list has ``keyword`` (its first word, upper case)."""
        return any(line.split(" ", 1)[0].upper() == keyword for line in self.ehlo[1:])


def load_profile(name: str) -> Profile:
    """The profile ``name`` of those that ship; raises ``LabError`` for an unknown one."""
    return documents.load("profiles", name, Profile)
