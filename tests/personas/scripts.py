"""What the client says in the golden transcripts, part by part, and which parts each persona is put through.

Each part is a session of its own. A client that hears a refusal goes on as a real one would: HELO where EHLO is
refused, DATA where CHUNKING is not offered, no blob where XEXCH50 is not.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from tests.personas.conversation import Conversation

TEXT = b"Message-ID: <1@mail1.example.com>\r\nSubject: x\r\n\r\nHello\r\n"
BLOB = b"\r\n" * 126 + bytes(range(256)) * 3  # 1020 octets, line ends among them, none at its end
SENDER = "alice@example.com"


def hello(talk: Conversation) -> str:
    """EHLO, or HELO where that is refused; the reply."""
    reply = talk.say("EHLO mail1.example.com")
    if not reply.startswith("250"):
        reply = talk.say("HELO mail1.example.com")
    talk.opened()
    return reply


def offers(reply: str, keyword: str) -> bool:
    """Whether a list has the keyword."""
    return keyword in [line[4:].split(" ")[0].upper() for line in reply.splitlines()[1:]]


def envelope(talk: Conversation) -> None:
    """One sender, one recipient."""
    talk.say(f"MAIL FROM:<{SENDER}>")
    talk.say("RCPT TO:<bob@example.net>")


def by_data(talk: Conversation, text: bytes = TEXT, cuts: tuple[int, ...] = ()) -> None:
    """The message as text."""
    if talk.say("DATA").startswith("354"):
        talk.octets(text + b".\r\n", cuts=cuts)


def exchange(talk: Conversation) -> None:
    """A message as Exchange sends it."""
    offered = hello(talk)
    envelope(talk)
    if offers(offered, "XEXCH50") and talk.say(f"XEXCH50 {len(BLOB)} 2").startswith("354"):
        talk.octets(BLOB)
    if offers(offered, "CHUNKING"):
        talk.octets(b"BDAT %d LAST\r\n" % len(TEXT) + TEXT)
    else:
        by_data(talk)
    talk.say("QUIT")


def verbs(talk: Conversation) -> None:
    """Verbs that boxes don't know, whatever the list said."""
    hello(talk)
    for line in ("VRFY bob", "ETRN example.net", "XYZZY", "X-LINK2STATE LAST CHUNK={00000003}abc", "TICK 1", "DEBUG"):
        talk.say(line)
    talk.say("NOOP")
    talk.say("FROB")
    talk.say("FROB again")


def xexch50(talk: Conversation) -> None:
    """The verb from a client that does not care for the list."""
    hello(talk)
    envelope(talk)
    if talk.say(f"XEXCH50 {len(BLOB)} 2").startswith("354"):
        talk.octets(BLOB)
    talk.say("NOOP")


def starttls(talk: Conversation) -> None:
    """A client that wants TLS."""
    hello(talk)
    talk.say("STARTTLS")


def one(line: str) -> Callable[[Conversation], None]:
    """That command."""

    def part(talk: Conversation) -> None:
        hello(talk)
        talk.say(line)

    return part


def endless_line(talk: Conversation) -> None:
    """More octets than any line has."""
    hello(talk)
    talk.octets(b"NOOP " + b"x" * 17_000)


def longer_line(talk: Conversation) -> None:
    """2,049 octets, and what then passes."""
    hello(talk)
    talk.say("XYZZY")
    talk.say("NOOP " + "x" * 2042)
    talk.say("XYZZY")
    talk.say("EHLO mail1.example.com")


def many_recipients(talk: Conversation) -> None:
    """101 of them at one go."""
    hello(talk)
    talk.say(f"MAIL FROM:<{SENDER}>")
    talk.octets(b"".join(b"RCPT TO:<r%d@example.net>\r\n" % number for number in range(101)))
    talk.say("NOOP")


def with_text(text: bytes) -> Callable[[Conversation], None]:
    """A message with that text."""

    def part(talk: Conversation) -> None:
        hello(talk)
        envelope(talk)
        by_data(talk, text)
        talk.say("QUIT")

    return part


def typed(talk: Conversation) -> None:
    """HELO a character at a time, then at one go."""
    line = b"HELO mx\r\n"
    talk.say(line, cuts=tuple(range(1, len(line))))
    talk.say(line)


def split_end(talk: Conversation) -> None:
    """The end of the text in two segments."""
    hello(talk)
    envelope(talk)
    by_data(talk, cuts=(len(TEXT) - 1,))
    talk.say("QUIT")


def chunk_of(octets: int) -> Callable[[Conversation], None]:
    """One BDAT of so many octets."""

    def part(talk: Conversation) -> None:
        hello(talk)
        envelope(talk)
        talk.octets(b"BDAT %d LAST\r\n" % octets + TEXT.ljust(octets, b"\0"))
        talk.say("NOOP")

    return part


def blob_of(octets: int) -> Callable[[Conversation], None]:
    """One XEXCH50 of so many octets."""

    def part(talk: Conversation) -> None:
        hello(talk)
        envelope(talk)
        talk.say(f"XEXCH50 {octets} 2")
        talk.say("NOOP")

    return part


class Part(NamedTuple):
    """A session, its title, and what is special of the server."""

    title: str
    script: Callable[[Conversation], None]
    certificate: bool = False
    without: tuple[str, ...] = ()  # keywords that the server does not offer


EXCHANGE = Part("a message as Exchange sends it", exchange)
VERBS = Part("verbs that boxes don't know", verbs)
ASKED = Part("XEXCH50 whatever the list says", xexch50)
STARTTLS = Part("STARTTLS", starttls, certificate=True)
SPLIT = Part("an end of data in two segments", split_end)
LONG_HEADER = Part("a header line of 999 octets", with_text(b"X-Long: " + b"x" * 989 + b"\r\n\r\nHello\r\n"))
LONG_BODY = Part("a body line of 999 octets", with_text(b"Subject: x\r\n\r\n" + b"x" * 997 + b"\r\nbye\r\n"))
LONG_NAME = Part(
    "a file name of 256 octets",
    with_text(b'Content-Type: text/plain;\r\n name="' + b"n" * 256 + b'"\r\n\r\nHello\r\n'),
)

PARTS: dict[str, tuple[Part, ...]] = {
    "antivirus-stack": (EXCHANGE, VERBS, ASKED),
    "bdat-eater": (EXCHANGE, ),
    "bdat-liar": (EXCHANGE, Part("a server without CHUNKING", exchange, without=("CHUNKING",))),
    "blob-as-commands": (EXCHANGE,),
    "cisco-asa": (
        EXCHANGE, VERBS, ASKED, STARTTLS, Part("typed a character at a time", typed),
        Part("NOOP of 600 octets", one("NOOP " + "x" * 593)),
        Part("an address of 321 octets", one("MAIL FROM:<" + "a" * 311 + "@b.example>")),
        Part("101 recipients", many_recipients), LONG_HEADER, LONG_BODY,
        LONG_NAME,
    ),
    "cisco-esa": (EXCHANGE, VERBS),
    "cisco-pix": (EXCHANGE, VERBS, SPLIT),
    "f-secure": (EXCHANGE, STARTTLS),
    "helo-only": (EXCHANGE,),
    "isa-2000": (
        EXCHANGE, VERBS, Part("NOOP of 7 octets", one("NOOP ")),
        Part("AUTH of 1,025", one("AUTH GSSAPI " + "A" * 1011)),
        Part("MAIL FROM of 266", one("MAIL FROM:<" + "a" * 242 + "@b.example>")),
        Part("MAIL FROM of 267", one("MAIL FROM:<" + "a" * 243 + "@b.example>")),
    ),
    "line-oriented": (EXCHANGE,),
    "sonicwall": (EXCHANGE, Part("a blob of -1 octets", one("XEXCH50 -1 2"))),
    "star-mask": (EXCHANGE, ASKED),
    "starttls-stripper": (STARTTLS,),
    "stormshield": (
        EXCHANGE, VERBS, Part("a blob of 102,401 octets", blob_of(102_401)),
        Part("a chunk of 102,401 octets", chunk_of(102_401)),
    ),
    "untangle": (EXCHANGE, VERBS, ASKED, STARTTLS, Part("2,049 octets: the fail-open", longer_line),
        Part("a line without an end: the same", endless_line)),
}  # fmt: skip
