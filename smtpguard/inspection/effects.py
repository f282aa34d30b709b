"""What the Inspector wants done, as small tuples. The relay carries them out, tests compare them.

An effect names the side that it acts on: ``Send(CLIENT, …)`` writes towards the client. Order is law: the shell
carries effects out in the order in which they stand.
"""

from __future__ import annotations

from typing import NamedTuple

from smtpguard.smtp.sides import Side


class Send(NamedTuple):
    """Write these octets to that side."""

    side: Side
    data: bytes


class Pause(NamedTuple):
    """Stop reading that side until a ``Resume``."""

    side: Side


class Resume(NamedTuple):
    """Go on reading that side."""

    side: Side


class Finish(NamedTuple):
    """Close our sending direction towards that side (FIN): its peer has said all it had to say."""

    side: Side


class StartTls(NamedTuple):
    """Speak TLS with that side from here on: as its server towards the client, as its client towards the server. What
    was sent to it before goes out in clear. The shell reports ``tls_started`` or ``tls_failed``."""

    side: Side


class Tunnel(NamedTuple):
    """From here on both directions are opaque; the shell may stop asking."""


class Close(NamedTuple):
    """Close both connections when what was sent has gone out."""


class Reset(NamedTuple):
    """Reset both connections now (TCP RST)."""


class Record(NamedTuple):
    """Something happened: ``event`` is its name, ``fields`` its plain values (str, int, float, bool, list)."""

    event: str
    fields: dict[str, object]


Effect = Send | Pause | Resume | Finish | StartTls | Tunnel | Close | Reset | Record

NOTHING: tuple[Effect, ...] = ()
"""No effects."""


def joined(effects: list[Effect]) -> list[Effect]:
    """The same, where sends to one side that follow each other are one; each octet is copied once."""
    whole: list[Effect] = []
    pieces: list[bytes] = []
    for effect in effects:
        last = whole[-1] if whole else None
        if type(effect) is Send and type(last) is Send and last.side is effect.side:
            pieces = pieces or [last.data]
            pieces.append(effect.data)
            continue
        _close(whole, pieces)
        pieces = []
        whole.append(effect)
    _close(whole, pieces)
    return whole


def _close(whole: list[Effect], pieces: list[bytes]) -> None:
    last = whole[-1] if whole else None
    if pieces and isinstance(last, Send):
        whole[-1] = Send(last.side, b"".join(pieces))
