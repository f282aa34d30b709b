"""Every case of the attacks and desyncs that harden decides: what comes, what the client sees, which record, what then.

One table for three uses: playbooks, sessions over a real relay before a counting server, and docs/protection.md. A case
is a list of steps behind an opening; each step is what one side says and what must come out of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Opening = Literal["connected", "greeted", "helloed", "transaction"]
OK = b"250 2.0.0 OK\r\n"
GO = b"354 Go\r\n"
BLOB = b"blob\r\n.\r\nQUIT\r\n"


@dataclass(frozen=True)
class Client:
    """The client says ``octets``: ``reaches`` is what the server gets of them, ``sees`` what the client gets."""

    octets: bytes
    reaches: bytes = b""
    sees: bytes = b""


@dataclass(frozen=True)
class Server:
    """The server says ``octets``: ``sees`` is what the client gets, ``reaches`` what of held octets goes on."""

    octets: bytes
    sees: bytes
    reaches: bytes = b""


@dataclass(frozen=True)
class Case:
    """One row. ``ref`` and ``what`` are for people, ``records`` are event and what must be in it, the first one named
    in the documents; not ``goes_on``: the session ends."""

    ref: str
    what: str
    steps: tuple[Client | Server, ...]
    records: tuple[tuple[str, str], ...]
    goes_on: bool = True
    opening: Opening = "helloed"
    peer: Literal["external", "internal"] = "external"
    policies: tuple[str, ...] = ("harden", "harden:normalise")

    @property
    def name(self) -> str:
        return f"{self.ref} {self.what} {'' if 'harden' in self.policies else self.policies[0]}".strip()


ALL = ("harden", "harden:normalise", "harden-strict")
STRICT = ("harden-strict",)
REFUSE = ("harden",)


def refused(
    ref: str, what: str, octets: bytes, reply: str, record: str, *, opening: Opening = "helloed", **more: object
) -> Case:
    """A command that is answered and goes no further."""
    steps = (Client(octets, sees=reply.encode() + b"\r\n"),)
    return Case(ref, what, steps, (_record(record),), opening=opening, **more)  # type: ignore[arg-type]


def _record(record: str) -> tuple[str, str]:
    """``violation nul`` or ``command-rejected stranger``: event, and the violation or rule in it."""
    event, _, name = record.partition(" ")
    return event, name


def closing(violation: str, summary: str) -> bytes:
    """The guard's last words where it can't know what the next octets are."""
    return f"421 4.5.0 Closing: {summary} [{violation}]\r\n".encode()


def uncertain(ref: str, what: str, steps: tuple[Client | Server, ...], violation: str, **more: object) -> Case:
    """The end of a session that nobody can be sure of."""
    return Case(ref, what, steps, (("violation", violation), ("uncertain", violation)), goes_on=False, **more)  # type: ignore[arg-type]


def _after_noop(octets: bytes, violation: str, summary: str) -> tuple[Client | Server, ...]:
    return (Client(b"NOOP\r\n", reaches=b"NOOP\r\n"), Server(octets, sees=closing(violation, summary)))


SIZE = "501 5.5.4 Bad size [ms03-046]"
CHUNK = "501 5.5.4 Bad chunk [ms05-021]"
STRANGER = "500 5.5.1 Not for you [stranger]"
OCTETS = "500 5.5.2 Bare LF, bare CR or NUL in a command [command-octets]"
LENGTH = "500 5.5.2 Too long [command-length]"
NO_COUNT = closing("bdat-size", "BDAT without a size that can be counted")
TURN = b"503 5.5.0 Wait your turn [pipelining]\r\n"
BDAT_ORDER = b"503 5.5.1 BDAT and DATA out of order [bdat-order]\r\n"
CODE = "a reply code outside 200 to 599"
TAKEN = b"250 2.0.0 Taken\r\n"
STARTTLS = Client(b"STARTTLS\r\n", reaches=b"STARTTLS\r\n")
IN_CLEAR = "clear text behind STARTTLS"
TEXT = b"Subject: x\r\n\r\nHello\r\n"
LONG_LINE = b"x" * 1001 + b"\r\n"

CASES: tuple[Case, ...] = (
    # --- A: overflows ---
    refused("A1", "XEXCH50, negative size", b"XEXCH50 -1 2\r\n", SIZE, "violation xexch50-size", policies=ALL),
    refused("A1", "XEXCH50, in small letters", b"xexch50 -1 2\r\n", SIZE, "violation xexch50-size", policies=ALL),
    refused("A1", "XEXCH50, size no number", b"XEXCH50 x 2\r\n", SIZE, "violation xexch50-size", policies=ALL),
    refused("A1", "XEXCH50, size missing", b"XEXCH50\r\n", SIZE, "violation xexch50-size", policies=ALL),
    refused("A1", "XEXCH50, over 1 GiB", b"XEXCH50 1073741825 2\r\n", SIZE, "violation xexch50-size", policies=ALL),
    refused("A1", "XEXCH50 2 2, the probe, from a stranger", b"XEXCH50 2 2\r\n", STRANGER, "command-rejected stranger"),
    refused(
        "A1", "XEXCH50 2 2, the probe, from a stranger", b"XEXCH50 2 2\r\n", "502 5.5.1 Not here [not-allowed]",
        "command-rejected not-allowed", policies=STRICT,
    ),
    refused(
        "A1", "XEXCH50 2 2 from inside, no recipient yet", b"XEXCH50 2 2\r\n", "503 5.5.1 RCPT first [no-rcpt]",
        "command-rejected no-rcpt", peer="internal", policies=ALL,
    ),
    refused(
        "A2", "X-LINK2STATE, chunk without FIRST, over 520 octets", b"X-LINK2STATE CHUNK=" + b"A" * 521 + b"\r\n",
        CHUNK, "violation link2state-chunk", policies=ALL,
    ),
    refused(
        "A2", "X-LINK2STATE, chunk that declares over 520", b"X-LINK2STATE CHUNK={0000FFFF}A\r\n", CHUNK,
        "violation link2state-chunk", policies=ALL,
    ),
    refused(
        "A2", "X-LINK2STATE, lawful, from a stranger", b"X-LINK2STATE FIRST CHUNK={00000001}A\r\n", STRANGER,
        "command-rejected stranger",
    ),
    # --- B: smuggling; every form in docs/smuggling.md ---
    Case(
        "B1", "an end of data that is not CRLF.CRLF",
        (
            Client(b"DATA\r\n", reaches=b"DATA\r\n"), Server(GO, sees=GO),
            Client(
                TEXT + b"\n.\nMAIL FROM:<a@a.example>\r\n.\r\n", reaches=TEXT + b"\n",
                sees=b"550 5.5.2 A lone dot between line ends that are not CRLF [smuggling]\r\n",
            ),
        ),
        (("violation", "smuggling"), ("violation-rejected", "smuggling"), ("message", "")), goes_on=False,
        opening="transaction", policies=REFUSE,
    ),
    Case(
        "B1", "an end of data that is not CRLF.CRLF",
        (
            Client(b"DATA\r\n", reaches=b"DATA\r\n"), Server(GO, sees=GO),
            Client(
                TEXT + b"\n.\nMAIL FROM:<a@a.example>\r\n.\r\n",
                reaches=TEXT + b"\r\n..\r\nMAIL FROM:<a@a.example>\r\n.\r\n",
            ),
            Server(TAKEN, sees=TAKEN),
        ),
        (("payload-normalised", "smuggling"), ("message", "")), opening="transaction", policies=("harden:normalise",),
    ),
    # --- C: STARTTLS ---
    uncertain(
        "C1", "clear text right behind STARTTLS",
        (
            Client(b"STARTTLS\r\nNOOP\r\n", reaches=b"STARTTLS\r\n"),
            Server(b"220 Go\r\n", sees=b"220 Go\r\n" + closing("starttls-injection", IN_CLEAR)),
        ),
        "starttls-injection", policies=ALL,
    ),
    uncertain(
        "C1", "clear text where TLS must begin",
        (
            STARTTLS, Server(b"220 Go\r\n", sees=b"220 Go\r\n"),
            Client(b"NOOP\r\n", sees=closing("starttls-injection", IN_CLEAR)),
        ),
        "starttls-injection", policies=ALL,
    ),
    uncertain(
        "C2", "the server goes on in clear behind its 220",
        (
            STARTTLS,
            Server(
                b"220 Go\r\n250 injected\r\n",
                sees=b"220 Go\r\n"
                + closing("starttls-reply-injection", "clear text behind the 220 to STARTTLS"),
            ),
        ),
        "starttls-reply-injection", policies=ALL,
    ),
    Case(
        "C3", "STARTTLS refused by the server, or by a box before it",
        (STARTTLS, Server(b"454 4.7.0 Not now\r\n", sees=b"454 4.7.0 Not now\r\n")),
        (("reply-recorded", "starttls-refused"), ("starttls", "")), policies=ALL,
    ),
    Case(
        "C3", "STARTTLS masked in the EHLO reply by a box before the server",
        (
            Client(b"EHLO a.example\r\n", reaches=b"EHLO a.example\r\n"),
            Server(b"250-mx.example\r\n250-XXXXXXXA\r\n250 OK\r\n", sees=b"250-mx.example\r\n250 OK\r\n"),
        ),
        (("keyword-recorded", "masked-keyword"), ("keyword-stripped", "stranger-keyword")), opening="greeted",
    ),
    refused(
        "C3", "STARTTLS turned into X's by a box before us", b"XXXXXXXX\r\n",
        "500 5.5.1 Unknown command [unknown-verb]", "command-recorded masked-verb",
    ),
    # --- D: who speaks when ---
    Case(
        "D1", "the client speaks before the greeting",
        (Client(b"EHLO a.example\r\n", sees=b"554 5.5.0 You spoke before the greeting [early-talker]\r\n"),),
        (("violation", "early-talk"), ("violation-rejected", "early-talker")), goes_on=False, opening="connected",
        policies=ALL,
    ),
    Case(
        "D1", "the server invites clients to (PIPECONNECT of Exim)",
        (
            Client(b"EHLO a.example\r\n", reaches=b"EHLO a.example\r\n"),
            Server(b"250-mx.example\r\n250-PIPECONNECT\r\n250 OK\r\n", sees=b"250-mx.example\r\n250 OK\r\n"),
        ),
        (("keyword-stripped", "no-invitation"),), opening="greeted",
    ),
    Case(
        "D2", "commands behind one that ends its group",
        (
            Client(b"NOOP\r\nMAIL FROM:<a@a.example>\r\nRCPT TO:<b@b.example>\r\n", reaches=b"NOOP\r\n"),
            Server(OK, sees=OK + TURN * 2),
        ),
        (("violation", "pipelining"), ("violation-rejected", "pipelining")), policies=ALL,
    ),
    uncertain(
        "D3", "a reply to no command", (Server(OK, sees=closing("unsolicited-reply", "a reply to no command")),),
        "unsolicited-reply", policies=ALL,
    ),
    uncertain(
        "D3", "a code that changes inside a reply",
        _after_noop(
            b"250-one\r\n550 two\r\n", "reply-code-change", "the class of the code changes inside a reply"
        ),
        "reply-code-change", policies=ALL,
    ),
    uncertain("D3", "a code 1xx", _after_noop(b"150 x\r\n", "reply-code", CODE), "reply-code", policies=ALL),
    uncertain("D3", "a code 6xx", _after_noop(b"650 x\r\n", "reply-code", CODE), "reply-code", policies=ALL),
    uncertain(
        "D3", "a line that is no reply", _after_noop(b"hello\r\n", "malformed-reply", "a line that is no reply line"),
        "malformed-reply", policies=ALL,
    ),
    # --- E: counted octets ---
    Case(
        "E1", "BDAT that the server refuses, its octets follow",
        (
            Client(b"BDAT 9 LAST\r\nMAIL FROM", reaches=b"BDAT 9 LAST\r\nMAIL FROM"),
            Server(b"503 5.5.1 RCPT first\r\n", sees=b"503 5.5.1 RCPT first\r\n"),
        ),
        (("message", ""),),
    ),
    refused(
        "E1", "BDAT from a stranger, its octets follow", b"BDAT 9 LAST\r\nMAIL FROM",
        "502 5.5.1 Not here [not-allowed]", "command-rejected not-allowed", policies=STRICT,
    ),
    *(
        uncertain("E2", f"`{line.decode()}`", (Client(line + b"\r\n", sees=NO_COUNT),), "bdat-size",
                  opening="transaction", policies=ALL)
        for line in (b"BDAT 5 X", b"BDAT -1", b"BDAT 12345678901234567890 LAST", b"BDAT")
    ),
    uncertain(
        "E2", "BDAT behind a vertical tab, which only some servers skip",
        (Client(b"\x0bBDAT 9 LAST\r\nMAIL FROM", sees=NO_COUNT),), "bdat-size", opening="transaction", policies=ALL,
    ),
    Case(
        "E2", "BDAT 0 LAST, and dots in a chunk",
        (
            Client(b"BDAT 7\r\n.\r\n..\r\n", reaches=b"BDAT 7\r\n.\r\n..\r\n"),
            Server(b"250 2.0.0 More\r\n", sees=b"250 2.0.0 More\r\n"),
            Client(b"BDAT 0 LAST\r\n", reaches=b"BDAT 0 LAST\r\n"), Server(TAKEN, sees=TAKEN),
        ),
        (("message", ""),), opening="transaction",
    ),
    Case(
        "E2", "BDAT behind LAST",
        (
            Client(b"BDAT 2 LAST\r\nhiBDAT 9 LAST\r\nMAIL FROM", reaches=b"BDAT 2 LAST\r\nhi"),
            Server(TAKEN, sees=TAKEN + BDAT_ORDER),
        ),
        (("violation", "bdat-sequence"), ("violation-rejected", "bdat-order")), opening="transaction",
    ),
    Case(
        "E2", "DATA behind BDAT",
        (
            Client(b"BDAT 2\r\nhi", reaches=b"BDAT 2\r\nhi"), Server(b"250 2.0.0 More\r\n", sees=b"250 2.0.0 More\r\n"),
            Client(b"DATA\r\n", sees=BDAT_ORDER),
        ),
        (("violation", "bdat-sequence"), ("violation-rejected", "bdat-order")), opening="transaction",
    ),
    Case(
        "E3", "XEXCH50 that the server refuses: the next octets are a command",
        (
            Client(b"XEXCH50 9 2\r\n", reaches=b"XEXCH50 9 2\r\n"),
            Server(b"504 Need to authenticate first\r\n", sees=b"504 Need to authenticate first\r\n"),
            Client(b"NOOP\r\n", reaches=b"NOOP\r\n"), Server(OK, sees=OK),
        ),
        (("xexch50", ""),), opening="transaction", peer="internal", policies=ALL,
    ),
    Case(
        "E3", "CRLF.CRLF and commands inside the blob",
        (
            Client(b"XEXCH50 %d 2\r\n" % len(BLOB), reaches=b"XEXCH50 %d 2\r\n" % len(BLOB)),
            Server(b"354 Send binary data\r\n", sees=b"354 Send binary data\r\n"),
            Client(BLOB, reaches=BLOB), Server(b"250 XEXCH50 OK\r\n", sees=b"250 XEXCH50 OK\r\n"),
        ),
        (("xexch50", ""),), opening="transaction", peer="internal", policies=ALL,
    ),
    Case(
        "E3", "the blob before the 354",
        (
            Client(b"XEXCH50 %d 2\r\n" % len(BLOB) + BLOB, reaches=b"XEXCH50 %d 2\r\n" % len(BLOB)),
            Server(b"354 Send binary data\r\n", sees=b"354 Send binary data\r\n", reaches=BLOB),
            Server(b"250 XEXCH50 OK\r\n", sees=b"250 XEXCH50 OK\r\n"),
        ),
        (("violation", "early-blob"),), opening="transaction", peer="internal",
    ),
    Case(
        "E3", "the blob before the 354",
        (
            Client(b"XEXCH50 %d 2\r\n" % len(BLOB) + BLOB, reaches=b"XEXCH50 %d 2\r\n" % len(BLOB)),
            Server(
                b"354 Send binary data\r\n",
                sees=b"354 Send binary data\r\n554 5.5.0 The message came before it was asked for [too-early]\r\n",
            ),
        ),
        (("violation", "early-blob"), ("violation-rejected", "too-early")), goes_on=False, opening="transaction",
        peer="internal", policies=STRICT,
    ),
    # --- F: lengths and octets ---
    refused("F", "a command over 512 octets", b"NOOP " + b"x" * 506 + b"\r\n", LENGTH, "violation long-command",
            policies=ALL),
    refused("F", "MAIL over 2,048 octets", b"MAIL FROM:<a@a> X=" + b"x" * 2029 + b"\r\n", LENGTH,
            "violation long-command", policies=ALL),
    refused("F", "MAIL over 1,024 octets", b"MAIL FROM:<a@a> X=" + b"x" * 1005 + b"\r\n", LENGTH,
            "violation long-command", policies=STRICT),
    refused("F", "XEXCH50 over 50 octets", b"XEXCH50 9" + b" " * 40 + b"2\r\n", LENGTH, "violation long-command"),
    refused("F", "AUTH over 12,288 octets", b"AUTH PLAIN " + b"x" * 12_276 + b"\r\n", LENGTH, "violation long-command",
            policies=ALL),
    refused("F", "AUTH in clear from a stranger", b"AUTH LOGIN\r\n",
            "538 5.7.11 Encryption required [auth-in-clear]", "command-rejected auth-in-clear", policies=STRICT),
    refused("F", "a line that ends in LF alone", b"NOOP\n", OCTETS, "violation bare-lf", policies=ALL),
    refused("F", "CR alone in a command", b"NOOP a\rb\r\n", OCTETS, "violation bare-cr", policies=ALL),
    refused("F", "NUL in a command", b"NOOP a\0b\r\n", OCTETS, "violation nul", policies=ALL),
    uncertain(
        "F", "a command line without an end, past 16,384 octets",
        (Client(b"NOOP " + b"x" * 20_000, sees=closing("endless-line", "a line longer than the guard holds")),),
        "endless-line", policies=ALL,
    ),
    Case(
        "F", "a line of text over 1,000 octets",
        (
            Client(b"DATA\r\n", reaches=b"DATA\r\n"), Server(GO, sees=GO),
            Client(LONG_LINE + b".\r\n", reaches=LONG_LINE + b".\r\n"), Server(TAKEN, sees=TAKEN),
        ),
        (("violation", "long-line"), ("violation-recorded", "text-length")), opening="transaction",
    ),
    Case(
        "F", "a line of text over 1,000 octets",
        (
            Client(b"DATA\r\n", reaches=b"DATA\r\n"), Server(GO, sees=GO),
            Client(
                LONG_LINE + b".\r\n", reaches=b"x" * 1000,
                sees=b"550 5.6.0 A line of the message is longer than 1,000 octets [text-length]\r\n",
            ),
        ),
        (("violation", "long-line"), ("violation-rejected", "text-length"), ("message", "")), goes_on=False,
        opening="transaction", policies=STRICT,
    ),
    Case(
        "F", "CR, LF or NUL alone in a text",
        (
            Client(b"DATA\r\n", reaches=b"DATA\r\n"), Server(GO, sees=GO),
            Client(
                b"one\ntwo\r\n.\r\n", reaches=b"one",
                sees=b"550 5.6.0 Bare LF, bare CR or NUL in the message [text-line-end]\r\n",
            ),
        ),
        (("violation", "text-line-end"), ("violation-rejected", "text-line-end"), ("message", "")), goes_on=False,
        opening="transaction", policies=STRICT,
    ),
)  # fmt: skip
