"""A session of which each step is drawn by where the dialogue stands: what a peer says next there, now and then what it
should not, its end, a delay run out, a handshake done, the guard's own end. So it comes far, and to odd places.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from smtpguard.inspection.inspector import Inspector
from smtpguard.smtp.sides import CLIENT, SERVER, Side, other
from tests.playbook.runner import Shell
from tests.playbook.steps import Advance, Drain, Eof, Feed, Input, TlsUp

HELLOS = (b"EHLO a.example\r\n", b"EHLO a.example\r\n", b"HELO a.example\r\n", b"LHLO a.example\r\n")
ENDS = (b"DATA\r\n", b"DATA\r\n", b"BDAT 7\r\n", b"BDAT 7 LAST\r\n", b"BDAT 0 LAST\r\n", b"XEXCH50 7 2\r\n")
RCPT = b"RCPT TO:<c@d.example>\r\n"
ODD = (
    *HELLOS, *ENDS, RCPT, b"RSET\r\n", b"RSET x\r\n", b"NOOP\r\n", b"noop\r\n", b"QUIT\r\n", b"VRFY x\r\n", b"NOOP\n",
    b"NOOP a\rb\r\n", b"NOOP a\0b\r\n", b"NOOP " + b"x" * 600 + b"\r\n", b"FROB x\r\n", b"TURN\r\n", b"STARTTLS\r\n",
    b"AUTH LOGIN\r\n", b"BDAT x\r\n", b"XCLIENT A=b\r\n",
)  # fmt: skip
LINES = (b"Subject: PAYLOAD\r\n", b"\r\n", b"PAYLOAD\r\n", b"..\r\n", b"x\n.\n", b"\r.\r", b".\r\n", b"\r\n.\r\n")
CHUNKS = (b"a", b"ab\r\n.", b"PAYLOAD", b"PAYLOADNOOP\r\n")
REPLIES = (
    b"220 mx.example\r\n", b"250 OK\r\n", b"251-x\r\n250 y\r\n", b"250 a\r\n250 b\r\n", b"354 go\r\n", b"334 x\r\n",
    b"421 bye\r\n", b"450 no\r\n", b"550 no\r\n", b"600 x\r\n", b"250 OK\n", b"25", b"250-x\r\n", b"junk\r\n",
)  # fmt: skip
LIST = b"250-mx.example\r\n250-XEXCH50\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 SIZE 5\r\n"


def walk(rng: Random, shell: Shell, inspector: Inspector, *, most: int = 40) -> Iterator[Input]:
    """Steps for ``shell``, each drawn when the one before it was carried out; ``inspector`` is the one in there."""
    odd = rng.choice((0.02, 0.1, 0.4))
    ended: set[Side] = set()
    for _ in range(most):
        if inspector.closed:
            return
        step = _step(rng, shell, inspector, odd)
        if isinstance(step, Feed | Eof) and step.side in ended:
            continue
        if isinstance(step, Eof):
            ended.add(step.side)
        if isinstance(step, Feed) and rng.random() < odd:
            cut = rng.randint(1, len(step.data))
            yield Feed(step.side, step.data[:cut])
            if cut < len(step.data) and not inspector.closed:
                yield Feed(step.side, step.data[cut:])
        else:
            yield step


def _step(rng: Random, shell: Shell, inspector: Inspector, odd: float) -> Input:
    session = inspector._session
    if session.tls_stage is not None:
        return TlsUp(session.tls_stage)
    if inspector.delayed and rng.random() < 0.5:
        return Advance(max(0.0, (inspector.deadline or 0.0) - shell.now))
    if rng.random() < 0.1:
        return Advance(0.1)
    if rng.random() < odd / 8:
        return rng.choice((Drain(), Eof(CLIENT), Eof(SERVER), Advance(400.0)))
    pending = session.dialogue.pending
    answers = bool(pending) and pending[0].complete
    if rng.random() < odd:
        answers = not answers
    data = _reply(rng, inspector, odd) if answers else _word(rng, inspector, odd)
    side = SERVER if answers else CLIENT
    swapped = inspector._client_flow.side is not CLIENT
    if swapped != (rng.random() < odd / 4):
        side = other(side)
    return Feed(side, data)


def _reply(rng: Random, inspector: Inspector, odd: float) -> bytes:
    pending = inspector._session.dialogue.pending
    if not pending or rng.random() < odd:
        return rng.choice(REPLIES)
    head = pending[0]
    if head.stage == "greeting":
        return b"220 mx.example ESMTP\r\n"
    verb = head.command.verb
    if head.stage == "command" and verb in ("DATA", "XEXCH50"):
        return rng.choice((b"354 go\r\n", b"354 go\r\n", b"354 go\r\n", b"451 later\r\n"))
    if head.stage == "command" and verb in ("EHLO", "LHLO"):
        return LIST
    if verb == "AUTH":
        return rng.choice((b"334 x\r\n", b"235 ok\r\n", b"535 no\r\n"))
    if verb == "STARTTLS":
        return b"220 go\r\n"
    return rng.choice((b"250 OK\r\n",) * 5 + (b"250-a\r\n250 b\r\n", b"550 no\r\n"))


def _word(rng: Random, inspector: Inspector, odd: float) -> bytes:
    dialogue = inspector._session.dialogue
    stage = inspector._client_flow.payload_stage
    if stage:
        return rng.choice(LINES if stage == "text" else CHUNKS)
    if rng.random() < odd:
        return b"".join(rng.choice(ODD) for _ in range(rng.randint(1, 3)))
    if not dialogue.hello:
        return rng.choice(HELLOS)
    if dialogue.envelope.mail is None:
        return b"MAIL FROM:<a@b.example>\r\n"
    if not dialogue.envelope.count or rng.random() < 0.2:
        return RCPT
    return rng.choice(ENDS)
