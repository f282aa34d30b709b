"""What a rule can do, one small class an action. Data only: the Inspector carries them out.

Each class says in ``wheres`` at which places of a conversation it makes sense; the loader refuses it elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

Where = Literal["connect", "greeting", "keyword", "command", "reply", "payload", "line", "message", "violation"]

WHERES: tuple[Where, ...] = (
    "connect", "greeting", "keyword", "command", "reply", "payload", "line", "message", "violation",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Action:
    """The base of all actions: ``name`` is the word after ``then:``."""

    name: ClassVar[str] = ""
    wheres: ClassVar[tuple[Where, ...]] = WHERES


@dataclass(frozen=True, slots=True)
class Pass(Action):
    """Let it through and ask no later rule: an allow-list is a ``pass`` before a refusal."""

    name: ClassVar[str] = "pass"


@dataclass(frozen=True, slots=True)
class Record(Action):
    """Write a record and ask the next rule."""

    name: ClassVar[str] = "record"


@dataclass(frozen=True, slots=True)
class Strip(Action):
    """Take the keyword's line out of the EHLO reply."""

    name: ClassVar[str] = "strip"
    wheres: ClassVar[tuple[Where, ...]] = ("keyword",)


@dataclass(frozen=True, slots=True)
class Mask(Action):
    """Overwrite with the same length.

    ``letters``: X's with a last letter A, B, C… in the order of the masked lines (Cisco ASA). ``star``: the fourth
    character becomes ``*``. ``banner``: every character but ``2``, ``0`` and blanks becomes ``*`` (Cisco PIX).
    """

    style: Literal["letters", "star", "banner"] = "letters"
    name: ClassVar[str] = "mask"
    wheres: ClassVar[tuple[Where, ...]] = ("greeting", "keyword")


@dataclass(frozen=True, slots=True)
class Advertise(Action):
    """Put ``keywords`` into the reply to EHLO, behind the server's own, each but once; ``instead``: in their place.

    What it makes of the list is then judged by the rules ``on: keyword``, as if the server had said it.
    """

    keywords: tuple[str, ...] = ()
    instead: bool = False
    name: ClassVar[str] = "advertise"
    wheres: ClassVar[tuple[Where, ...]] = ("reply",)


@dataclass(frozen=True, slots=True)
class Reject(Action):
    """Answer in the server's place; the server never sees what was refused.

    At ``violation``: a command is answered and the session goes on; a text is refused at its end, and the session
    ends, as the server was left inside it; what is neither ends the session with this reply.

    ``code`` 400 to 599 (a 2xx only in a policy that says ``lies: true``); ``enhanced`` such as ``5.7.1`` or empty.
    The rule's id follows the text in brackets, unless ``exact`` is set because the text has a source.
    """

    code: int = 550
    enhanced: str = "5.7.1"
    text: str = "Refused by policy"
    exact: bool = False
    name: ClassVar[str] = "reject"
    wheres: ClassVar[tuple[Where, ...]] = ("connect", "command", "payload", "message", "violation")


@dataclass(frozen=True, slots=True)
class Rewrite(Action):
    """Replace the text of a command, greeting, reply or keyword line (CRLF stays).

    ``to`` is the new text; the words ``{verb}`` ``{argument}`` ``{line}`` stand for the original's parts, and
    ``{x}`` for as many X's as the line has octets, ``{xverb}`` for as many as the verb has, ``{xline}`` for the line
    with X's over its first word.
    """

    to: str = "NOOP"
    name: ClassVar[str] = "rewrite"
    wheres: ClassVar[tuple[Where, ...]] = ("greeting", "keyword", "command", "reply")


@dataclass(frozen=True, slots=True)
class Eat(Action):
    """Swallow it and say nothing: the peer waits, and everything behind it stalls."""

    name: ClassVar[str] = "eat"
    wheres: ClassVar[tuple[Where, ...]] = ("greeting", "command", "reply", "payload", "message")


@dataclass(frozen=True, slots=True)
class Cap(Action):
    """Refuse a payload of more than ``octets``.

    An announced one (BDAT, XEXCH50) is answered 552 before an octet of it moves, text after DATA is cut off: the
    session is closed.
    """

    octets: int = 0
    name: ClassVar[str] = "cap"
    wheres: ClassVar[tuple[Where, ...]] = ("payload",)


@dataclass(frozen=True, slots=True)
class Truncate(Action):
    """Pass the first ``octets`` of a payload and swallow the rest: the server waits for what never comes."""

    octets: int = 0
    name: ClassVar[str] = "truncate"
    wheres: ClassVar[tuple[Where, ...]] = ("payload",)


@dataclass(frozen=True, slots=True)
class Misread(Action):
    """Take a counted payload for what it is not, from its first octet on and to the end of the session.

    ``lines``: whole lines pass, a piece of one waits for a line end that may never come. ``commands``: each line is
    swallowed and answered ``reply`` by the box itself; the ``limit``-th is answered ``last``, and the box closes. The
    two texts are ours unless a policy gives others.
    """

    into: Literal["lines", "commands"] = "lines"
    limit: int = 5
    reply: str = "500 5.5.1 Unknown command"
    last: str = "421 4.7.0 Too many unknown commands"
    name: ClassVar[str] = "misread"
    wheres: ClassVar[tuple[Where, ...]] = ("payload",)


@dataclass(frozen=True, slots=True)
class Normalise(Action):
    """Write the line ends of a text anew, so that every server reads the same lines in it: a lone CR or LF becomes
    CRLF, NUL goes, and no dot stands alone but the last. What Postfix calls ``normalize``."""

    name: ClassVar[str] = "normalise"
    wheres: ClassVar[tuple[Where, ...]] = ("payload",)


@dataclass(frozen=True, slots=True)
class Delay(Action):
    """Hold it, and everything behind it in that direction, for ``seconds``."""

    seconds: float = 1.0
    name: ClassVar[str] = "delay"
    wheres: ClassVar[tuple[Where, ...]] = ("greeting", "command", "reply", "payload", "message")


@dataclass(frozen=True, slots=True)
class Slice(Action):
    """Send it in pieces of ``octets``, ``seconds`` apart: other TCP segments, the same octets."""

    octets: int = 1
    seconds: float = 0.0
    name: ClassVar[str] = "slice"
    wheres: ClassVar[tuple[Where, ...]] = ("greeting", "command", "reply", "payload")


@dataclass(frozen=True, slots=True)
class Close(Action):
    """Close both connections in order; with a ``code``, say so to the client first; of a payload, as soon as it has
    more than ``after`` octets."""

    code: int | None = None
    enhanced: str = ""
    text: str = ""
    exact: bool = False
    after: int | None = None
    name: ClassVar[str] = "close"


@dataclass(frozen=True, slots=True)
class Reset(Action):
    """Reset both connections (TCP RST); of a payload, as soon as it has more than ``after`` octets."""

    after: int | None = None
    name: ClassVar[str] = "reset"


@dataclass(frozen=True, slots=True)
class Drop(Action):
    """Become a black hole: both connections stay open, nothing passes any more; in a payload, behind ``after``
    octets."""

    after: int | None = None
    name: ClassVar[str] = "drop"


@dataclass(frozen=True, slots=True)
class Tunnel(Action):
    """Stop looking: pass it, and every octet after it, in both directions."""

    name: ClassVar[str] = "tunnel"


def lets_pass(action: Action) -> int | None:
    """How many octets of a payload pass before ``action`` does anything; None where it acts at the first one."""
    if isinstance(action, Cap | Truncate):
        return action.octets
    return action.after if isinstance(action, Close | Reset | Drop) else None


def acts_late(action: Action) -> bool:
    """Whether it shows only in the course of a payload whether ``action`` does anything."""
    return lets_pass(action) is not None or isinstance(action, Normalise)


ACTIONS: dict[str, type[Action]] = {
    cls.name: cls
    for cls in (
        Pass, Record, Strip, Mask, Advertise, Reject, Rewrite, Eat, Cap, Truncate, Misread, Normalise, Delay, Slice,
        Close, Reset, Drop, Tunnel,
    )
}  # fmt: skip
