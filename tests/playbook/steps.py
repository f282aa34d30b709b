"""The words of a playbook: what is fed (``>>``) and what is expected (``<<``).

Data only. ``runner`` feeds the first kind to an Inspector, ``transcript`` compares the second kind with what came out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from smtpguard.smtp.sides import CLIENT, SERVER, Side


@dataclass(frozen=True, slots=True)
class Feed:
    """Octets that one side sent."""

    side: Side
    data: bytes


@dataclass(frozen=True, slots=True)
class Eof:
    """One side sent its FIN."""

    side: Side


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection to one side failed: refused, reset, timed out."""

    side: Side


@dataclass(frozen=True, slots=True)
class Advance:
    """Time goes by; every deadline on the way is kept."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Drain:
    """The guard is asked to end the session at the next safe point."""


@dataclass(frozen=True, slots=True)
class TlsUp:
    """The handshake with one side is done."""

    side: Side


@dataclass(frozen=True, slots=True)
class TlsFailed:
    """The handshake with one side failed; ``in_clear``: it said something that is no TLS."""

    side: Side
    in_clear: bool


Input = Feed | Eof | Lost | Advance | Drain | TlsUp | TlsFailed


@dataclass(frozen=True, slots=True)
class Sent:
    """These octets left towards ``side`` during the step; a pattern stands for octets that are not ours to fix."""

    side: Side
    piece: bytes | re.Pattern[bytes]


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record with at least these fields, behind the records expected before it."""

    event: str
    fields: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotRecorded:
    """No record of this step has this event and these fields."""

    event: str
    fields: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Marked:
    """Something that ends or changes the session: ``closed``, ``reset``, ``tunnelled``, ``finished client`` …"""

    word: str


@dataclass(frozen=True, slots=True)
class Paused:
    """At the end of the step ``side`` is unread (``really``) or read (not ``really``)."""

    side: Side
    really: bool = True


Expected = Sent | Recorded | NotRecorded | Marked | Paused


def C(data: bytes) -> Feed:  # noqa: N802 - the one-letter names are what makes a playbook read as a conversation
    """The client sends ``data``."""
    return Feed(CLIENT, data)


def S(data: bytes) -> Feed:  # noqa: N802
    """The server sends ``data``."""
    return Feed(SERVER, data)


def eof_client() -> Eof:
    """The client has said all it had to say."""
    return Eof(CLIENT)


def eof_server() -> Eof:
    """The server has said all it had to say."""
    return Eof(SERVER)


def lost_client() -> Lost:
    """The client's connection failed."""
    return Lost(CLIENT)


def lost_server() -> Lost:
    """The server's connection failed, or was never made."""
    return Lost(SERVER)


def advance(*, seconds: float) -> Advance:
    """``seconds`` go by."""
    return Advance(seconds)


def drain() -> Drain:
    """The guard stops."""
    return Drain()


def tls_up(side: Side) -> TlsUp:
    """The handshake with ``side`` is done."""
    return TlsUp(side)


def tls_failed(side: Side, *, in_clear: bool = False) -> TlsFailed:
    """The handshake with ``side`` failed."""
    return TlsFailed(side, in_clear)


def to_client(piece: bytes | re.Pattern[bytes]) -> Sent:
    """The client receives ``piece``; several in one step are joined."""
    return Sent(CLIENT, piece)


def to_server(piece: bytes | re.Pattern[bytes]) -> Sent:
    """The server receives ``piece``; several in one step are joined."""
    return Sent(SERVER, piece)


def like(pattern: bytes) -> re.Pattern[bytes]:
    """A pattern for texts that are ours to choose; ``.`` never matches a line end."""
    return re.compile(pattern)


def own_reply(start: bytes, *, rule: str = "") -> Sent:
    """One reply line of the guard's own: ``start``, any text, and ``[rule]`` last when a rule gave it."""
    last = rb" \[" + re.escape(rule.encode()) + rb"\]" if rule else rb""
    return Sent(CLIENT, re.compile(re.escape(start) + rb"[^\r\n]*" + last + rb"\r\n"))


def record(event: str, /, **fields: object) -> Recorded:
    """A record of ``event`` with at least ``fields``."""
    return Recorded(event, fields)


def no_record(event: str, /, **fields: object) -> NotRecorded:
    """No record of ``event`` with ``fields`` in this step."""
    return NotRecorded(event, fields)


def closed() -> Marked:
    """Both connections are closed in order."""
    return Marked("closed")


def reset() -> Marked:
    """Both connections are reset."""
    return Marked("reset")


def tunnelled() -> Marked:
    """Both directions are opaque from here on."""
    return Marked("tunnelled")


def starting_tls(side: Side) -> Marked:
    """A handshake with ``side`` is wanted."""
    return Marked(f"starting tls {side.value}")


def finished(side: Side) -> Marked:
    """Our sending direction towards ``side`` is closed."""
    return Marked(f"finished {side.value}")


def paused(side: Side) -> Paused:
    """``side`` is not read at the end of the step."""
    return Paused(side)


def reading(side: Side) -> Paused:
    """``side`` is read at the end of the step."""
    return Paused(side, really=False)
