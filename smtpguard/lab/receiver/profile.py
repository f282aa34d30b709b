"""A receiver's words and limits as data: which system it is, octet for octet. Loaded from ``profiles/*.yaml``.

A profile has a text for every reply that its verbs can bring about, and none that they can't; it does not load else.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from smtpguard.lab import documents
from smtpguard.lab.receiver.settings import Sink


class Replies(BaseModel):
    """One text a situation, code included, without the last line end; words in braces are filled in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    helo: str
    sender: str
    recipient: str
    data: str
    queued: str  # the client sent the Message-ID
    queued_own_id: str  # the server made it
    quit: str
    unknown: str
    reset: str
    noop: str
    relay: str
    arguments: str
    need_recipient: str
    bad_sequence: str
    too_long: str
    sender_sized: str | None = None  # to MAIL with SIZE=; without one, ``sender`` answers
    too_big: str | None = None  # where SIZE names a limit
    chunk: str | None = None  # a BDAT that is not the last
    blob: str | None = None
    blob_stored: str | None = None
    blob_refused: str | None = None
    vrfy: str | None = None
    help: str | None = None
    etrn: str | None = None
    turn_refused: str | None = None  # to a stranger
    turn_empty: str | None = None  # to an authenticated peer: nothing waits for it
    tls_go_ahead: str | None = None
    link_state_chunk: str | None = None
    link_state_whole: str | None = None
    user_challenge: str | None = None
    password_challenge: str | None = None
    ntlm_go_ahead: str | None = None
    no_gssapi: str | None = None
    authenticated: str | None = None
    authentication_failed: str | None = None
    authentication_cancelled: str | None = None
    mechanism_unknown: str | None = None
    not_here: str | None = None  # to the verbs of ``Profile.not_here``

    def text(self, name: str) -> str:
        """The text of the situation ``name``; a profile that loaded has one wherever a session asks."""
        found = getattr(self, name)
        if found is None:
            raise LookupError(f"the profile has no reply {name!r}")
        return str(found)

    def given(self) -> set[str]:
        """The names of the situations that have a text."""
        return set(self.model_dump(exclude_none=True))


_BY_VERB: dict[str, tuple[str, ...]] = {
    "BDAT": ("chunk",),
    "XEXCH50": ("blob", "blob_stored", "blob_refused"),
    "X-LINK2STATE": ("link_state_chunk", "link_state_whole"),
    "VRFY": ("vrfy",),
    "HELP": ("help",),
    "ETRN": ("etrn",),
    "TURN": ("turn_refused", "turn_empty"),
    "ATRN": ("turn_refused", "turn_empty"),
    "STARTTLS": ("tls_go_ahead",),
}
_BY_MECHANISM: dict[str, tuple[str, ...]] = {
    "LOGIN": ("user_challenge", "password_challenge"),
    "NTLM": ("ntlm_go_ahead",),
    "GSSAPI": ("no_gssapi",),
}
_EVERY_MECHANISM = ("authenticated", "authentication_failed", "authentication_cancelled", "mechanism_unknown")
_OPTIONAL = {"sender_sized"}


class Profile(BaseModel):
    """``ours`` names the replies for which no source was found; ``verbs`` what is answered beside RFC 5321's eight.

    ``mechanisms``: what AUTH and X-EXPS accept. ``sinks``: the verbs and keywords that go when a sink is not loaded.
    ``not_here``: verbs that are advertised, and answered with ``replies.not_here``. ``certificate``: STARTTLS works.
    Sizes are octets, a command's length without its line end.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    summary: str
    source: str
    banner: str
    ehlo: tuple[str, ...] = Field(min_length=1)
    verbs: frozenset[str]
    mechanisms: dict[str, tuple[str, ...]] = {}
    sinks: dict[Sink, tuple[str, ...]] = {}
    replies: Replies
    ours: frozenset[str] = frozenset()
    not_here: frozenset[str] = frozenset()
    longest_command: PositiveInt
    largest_blob: PositiveInt
    idle_seconds: PositiveFloat

    @property
    def certificate(self) -> bool:
        """Whether the host has one, so that STARTTLS works."""
        return "STARTTLS" in self.verbs

    @property
    def largest_message(self) -> int | None:
        """The figure behind SIZE; None where there is none or 0, which sets no limit (RFC 1870 4)."""
        for line in self.ehlo[1:]:
            word, _, figure = line.partition(" ")
            if word.upper() == "SIZE" and figure.isdigit():
                return int(figure) or None
        return None

    def offers(self, keyword: str) -> bool:
        """Whether the EHLO list has ``keyword`` (its first word, upper case)."""
        return any(line.split(" ", 1)[0].upper() == keyword for line in self.ehlo[1:])

    @model_validator(mode="after")
    def _ours_are_replies(self) -> Profile:
        strangers = self.ours - set(Replies.model_fields)
        if strangers:
            raise ValueError(f"ours: no such reply: {', '.join(sorted(strangers))}")
        return self

    @model_validator(mode="after")
    def _a_text_for_every_reply(self) -> Profile:
        needed = set(self._needed())
        given = self.replies.given()
        if missing := needed - given:
            raise ValueError(f"replies: missing: {', '.join(sorted(missing))}")
        if idle := given - needed - _OPTIONAL:
            raise ValueError(f"replies: nothing brings these about: {', '.join(sorted(idle))}")
        if untold := self.ours - given:
            raise ValueError(f"ours: the profile has no such reply: {', '.join(sorted(untold))}")
        return self

    def _needed(self) -> Iterator[str]:
        yield from (name for name, field in Replies.model_fields.items() if field.is_required())
        for verb in self.verbs:
            yield from _BY_VERB.get(verb, ())
        for mechanisms in self.mechanisms.values():
            yield from _EVERY_MECHANISM
            for mechanism in mechanisms:
                yield from _BY_MECHANISM[mechanism]
        if self.largest_message is not None:
            yield "too_big"
        if self.not_here:
            yield "not_here"


def load_profile(name: str) -> Profile:
    """The profile ``name`` of those that ship; raises ``LabError`` for an unknown one."""
    return documents.load("profiles", name, Profile)
