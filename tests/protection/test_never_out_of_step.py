"""Whatever is hostile, under whatever policy of the two, however it is cut: a session that goes on is in step.

A strict receiver answers by itself here, no script. Behind the hostile octets an ordinary transaction is tried: each of
its replies must be its own, the message must arrive as it was sent, and no command may have reached the receiver that
the client did not say as one. Or the session has ended, and a record says why.
"""

from __future__ import annotations

from typing import NamedTuple

import pytest

from smtpguard.smtp.sides import SERVER
from tests.inspection.world import Talk
from tests.playbook import SLICINGS
from tests.playbook.steps import Feed
from tests.protection.cases import CASES, Client, Opening
from tests.protection.receiver import GREETING, Receiver
from tests.protection.test_cases import inspector
from tests.smtp.false_ends import FALSE_ENDS

POLICIES = ("harden", "harden:normalise", "harden-strict")
HELLO = b"EHLO a.example\r\n"
ENVELOPE = b"MAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n"
MESSAGE = b"Subject: after all that\r\n\r\nHello"
FORBIDDEN = b"FORBIDDEN"


class Hostile(NamedTuple):
    """What a client says, each piece behind the replies to the last one."""

    peer: str
    opening: Opening
    pieces: tuple[bytes, ...]


HOSTILE: dict[str, Hostile] = {
    f"{case.name} {case.peer}": Hostile(
        case.peer, case.opening, tuple(step.octets for step in case.steps if isinstance(step, Client))
    )
    for case in CASES
    if case.opening in ("helloed", "transaction")
    and "server refuses: the next octets" not in case.what  # it takes it here
}
HOSTILE |= {
    f"DATA {name}": Hostile(
        "external", "transaction", (b"DATA\r\n", b"Subject: x\r\n\r\nx" + form + b"VRFY FORBIDDEN\r\n.\r\n")
    )
    for name, form in FALSE_ENDS.items()
}
HOSTILE |= {
    f"{end!r} before octets of BDAT {peer}": Hostile(
        peer, "transaction", (b"BDAT 16 LAST" + end + b"VRFY FORBIDDEN\r\n",)
    )
    for end in (b"\r\n", b"\n", b"\0\r\n", b" \r\r\n")
    for peer in ("external", "internal")
}
HOSTILE |= {
    "BDAT in a broken group": Hostile("external", "helloed", (b"NOOP\r\nBDAT 16 LAST\r\nVRFY FORBIDDEN\r\n",)),
    "XEXCH50 in a broken group": Hostile("internal", "transaction", (b"NOOP\r\nXEXCH50 16 2\r\n",)),
    "a blob of commands": Hostile("internal", "transaction", (b"XEXCH50 16 2\r\n", b"VRFY FORBIDDEN\r\n")),
    "the same at once": Hostile("internal", "transaction", (b"XEXCH50 16 2\r\nVRFY FORBIDDEN\r\n",)),
}
# An octet at a time, and as it came; the longest only as it came, they take seconds else.
CUTS = ("whole", "octets")
LONG = 3_000


def replies(received: bytes) -> list[bytes]:
    """The last line of each reply."""
    return [line for line in received.split(b"\r\n")[:-1] if line[3:4] != b"-"]


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", HOSTILE)
def test_an_ordinary_transaction_follows_or_the_end_with_a_record(name: str, policy: str) -> None:
    hostile = HOSTILE[name]
    for cut in CUTS if max(map(len, hostile.pieces), default=0) < LONG else CUTS[:1]:
        receiver = Receiver()
        talk = Talk(inspector(policy, hostile.peer), receiver, SLICINGS[cut])  # type: ignore[arg-type]
        talk.feed(Feed(SERVER, GREETING))
        envelope = ENVELOPE.splitlines(keepends=True) if hostile.opening == "transaction" else []
        for piece in (HELLO, *envelope, *hostile.pieces):
            talk.client(piece)
            talk.settle()
        if "closed" in talk.session.marks:
            assert talk.session.events("violation")
        else:
            _goes_on(talk, receiver)
        assert not [line for line in receiver.commands if set(line) & {0, 10, 13}]
        assert not [line for line in receiver.commands if FORBIDDEN in line], receiver.commands


def _goes_on(talk: Talk, receiver: Receiver) -> None:
    """Each reply is the one to what was just said, and the message arrives as it was sent."""
    if replies(talk.session.received)[-1].startswith(b"354"):
        talk.client(b"\r\n.\r\n")  # a text that was asked for has to end first
        talk.settle()
    expected = [b"250 2.0.0 RSET OK", b"250 2.0.0 MAIL OK", b"250 2.0.0 RCPT OK", b"354 Go", b"250 2.0.0 Taken"]
    taken = len(receiver.messages)
    said = [b"RSET\r\n", *ENVELOPE.splitlines(keepends=True), b"DATA\r\n", MESSAGE + b"\r\n.\r\n"]
    for line, reply in zip(said, expected, strict=True):
        before = len(replies(talk.session.received))
        talk.client(line)
        talk.settle()
        assert replies(talk.session.received)[before:] == [reply], line
    assert receiver.messages[taken:] == [MESSAGE]


def test_there_is_something_to_try() -> None:
    assert len(HOSTILE) > 50
