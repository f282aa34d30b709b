"""Generated conversations: what clients send, from textbook sessions to raw garbage, and rulebooks at random.

A client is a list of units. ``line`` is sent first; ``follow`` are the payloads behind it, each sent when the server
asked for it (polite) or at once (not polite). Payload lines carry the word PAYLOAD, which stands in no command.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

NEAR_ENDS = (
    b"\n.\n", b"\n.\r", b"\r.\n", b"\r.\r", b"\n.\r\n", b"\r.\r\n", b"\r\n\x00.\r\n", b"\r\n.\r\r\n",
    b"\r\r\n.\r\r\n", b"\r\n.\n", b"\r\n.\x00\r\n", b"\r\n..\r\n", b"\r\n.x\r\n",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Unit:
    """One command and what belongs to it. ``awaits``: the client reads the reply before it goes on."""

    line: bytes
    follow: tuple[bytes, ...] = ()
    awaits: bool = True
    polite: bool = True
    counted: bool = False  # BDAT: the payload follows at once, whatever the reply

    @property
    def verb(self) -> bytes:
        return self.line.split()[0].upper() if self.line.split() else b""


def numbered(units: list[Unit]) -> list[Unit]:
    """Give every ``{n}`` in a line the number of its unit."""
    return [
        Unit(unit.line.replace(b"{n}", b"n%d" % n), unit.follow, unit.awaits, unit.polite, unit.counted)
        for n, unit in enumerate(units)
    ]


_octets = st.binary(max_size=60) | st.sampled_from(
    [b"PAYLOAD\r\nMAIL FROM:<PAYLOAD@x>\r\n", b"PAYLOAD\r\n.\r\nRSET PAYLOAD\r\n", b"\r\n.\r\n", b"QUIT PAYLOAD\r\n"]
)
_plain = st.sampled_from(
    [
        b"NOOP {n}\r\n", b"MAIL FROM:<{n}@a.example>\r\n", b"RCPT TO:<{n}@b.example>\r\n",
        b"rcpt TO:<{n}@B.example>\r\n", b"RSET\r\n", b"VRFY {n}\r\n", b"EHLO {n}.example\r\n",
        b"HELO {n}.example\r\n", b"FROB {n}\r\n", b"X-LINK2STATE LAST CHUNK={n}\r\n", b"HELP {n}\r\n",
        b"MAIL FROM:<{n}@a.example> SIZE=99\r\n", b"XEXCH50 -1 {n}\r\n",
        b"X-LINK2STATE CHUNK=" + b"A" * 521 + b"\r\n", b"NOOP {n} " + b"x" * 600 + b"\r\n",
        b"XFORWARD NAME={n}\r\n", b"  noop   {n}  \r\n", b"\r\n",
    ]
)  # fmt: skip


@st.composite
def _text(draw: st.DrawFn) -> bytes:
    """A text ended by CRLF.CRLF, with near ends inside."""
    parts = draw(
        st.lists(
            st.sampled_from((b"Subject: PAYLOAD\r\n", b"RSET PAYLOAD\r\n", b"a.b.", b"\r\n", *NEAR_ENDS)), max_size=6
        )
    )
    text = b"PAYLOAD" + b"".join(parts)
    if b"\r\n.\r\n" in text + b"\r\n.\r":
        text = text.replace(b"\r\n.", b"\r\n..")
    return text + b"\r\n.\r\n" if draw(st.integers(0, 9)) else b".\r\n"


@st.composite
def _with_payload(draw: st.DrawFn) -> Unit:
    blob = draw(_octets)
    size = b"%d" % len(blob)
    kind = draw(st.sampled_from(["DATA", "BDAT", "LAST", "XEXCH50", "AUTH", "X-EXPS"]))
    if kind == "DATA":
        return Unit(b"DATA\r\n", (draw(_text()),))
    if kind == "XEXCH50":
        return Unit(b"XEXCH50 " + size + b" 2\r\n", (blob,))
    if kind in ("BDAT", "LAST"):
        return Unit(b"BDAT " + size + (b" LAST\r\n" if kind == "LAST" else b"\r\n"), (blob,), counted=True)
    lines = (b"UEFZTE9BRA==PAYLOAD\r\n", b"PAYLOADs3cret\r\n", b"*PAYLOAD\r\n")
    return Unit(kind.encode() + b" LOGIN\r\n", lines)


@st.composite
def units(draw: st.DrawFn, *, polite: bool = True, most: int = 10) -> list[Unit]:
    """A client's session; not ``polite``: payloads may be sent before they are asked for."""
    drawn: list[Unit] = []
    for _ in range(draw(st.integers(1, most))):
        unit = draw(_plain.map(Unit) | _with_payload())
        # Behind a waiting verb a polite client can never go on before the reply.
        may_run_on = not unit.follow or unit.counted or not polite
        awaits = not (may_run_on and draw(st.booleans()))
        drawn.append(Unit(unit.line, unit.follow, awaits, polite or draw(st.booleans()), unit.counted))
    if draw(st.booleans()):
        drawn.append(Unit(b"QUIT\r\n"))
    return numbered(drawn)


choices = st.lists(st.integers(0, 59), max_size=30)

_client_scraps = st.sampled_from(
    [
        b"DATA\r\n", b"BDAT 5\r\n", b"BDAT 3 LAST\r\n", b"BDAT -1\r\n", b"BDAT 5 X\r\n",
        b"BDAT 99999999999999999999\r\n", b"XEXCH50 4 2\r\n", b"XEXCH50 x 2\r\n", b"XEXCH50 -1 2\r\n",
        b"AUTH LOGIN\r\n", b"STARTTLS\r\n", b"RSET\r\n", b"EHLO x\r\n", b"MAIL FROM:<a@b>\r\n",
        b"RCPT TO:<c@d>\r\n", b"QUIT\r\n", b"TURN\r\n", b"ATRN\r\n", b"NOOP\n", b"\r", b"\n", b".",
        b"\r\n.\r\n", b"\n.\n", b"\x00", b"\x16\x03\x01", b"abcde", b" ", b"XCLIENT A=b\r\n", b"LHLO x\r\n",
        b"\x0b", b"\x0c",
    ]
)  # fmt: skip
_server_scraps = st.sampled_from(
    [
        b"220 mx\r\n", b"250 OK\r\n", b"250-mx\r\n250-XEXCH50\r\n250 OK\r\n", b"354 go\r\n", b"334 x\r\n",
        b"235 ok\r\n", b"550 no\r\n", b"421 bye\r\n", b"250-mx\r\n", b"240-x\r\n", b"100 x\r\n", b"600 x\r\n",
        b"\r\n", b"x\r\n", b"250 OK\n", b"25", b"0 ", b"\x16\x03\x03", b"221 bye\r\n", b"250-mx\r\n550 x\r\n",
        b"454 no\r\n", b"\x00", b"250\r\n",
    ]
)  # fmt: skip
client_garbage = (st.binary(max_size=30) | st.lists(_client_scraps, max_size=4).map(b"".join)).filter(bool)
server_garbage = (st.binary(max_size=30) | st.lists(_server_scraps, max_size=4).map(b"".join)).filter(bool)
