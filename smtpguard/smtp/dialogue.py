"""The dialogue: which replies are owed, what the session's state is, what the envelope holds.

State changes only on the server's reply (law 5): a RSET, EHLO, MAIL or RCPT that the server refuses changes nothing.
Exchanges are answered in order, so ``pending`` is a queue: the head is what the next reply of the server answers, or
an answer of our own that waits for its turn (law 3). No policy, no socket, no clock here.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Literal

from smtpguard.smtp.commands import Command, address

Stage = Literal["greeting", "command", "text", "chunk", "blob", "sasl"]

RECIPIENTS_KEPT = 100
"""Recipients that an envelope keeps by name; the others are only counted."""

_NO_COMMAND = Command(b"")


class Exchange:
    """One reply owed to the client.

    ``stage``: what it answers; ``complete``: the octets it answers have all come; ``own``: our reply, where the
    server is not asked; ``eaten``: no reply will ever come; ``owed``: replies left (LMTP answers a message once a
    recipient); ``taken``: the first code by which the server took the message, 0 so far; ``split_end``: the CRLF.CRLF
    came in more than one read; ``withheld``: the rule that put another command in the place of one whose octets it kept
    back.
    """

    # What nearly every exchange leaves as it is stands here and not in each: five are made a message.
    answered: bool = False
    complete: bool = True
    eaten: bool = False
    last: bool = False
    owed: int = 1
    size: int = 0
    split_end: bool = False
    taken: int = 0
    withheld: str = ""

    def __init__(self, stage: Stage, command: Command = _NO_COMMAND, own: bytes | None = None) -> None:
        self.stage: Stage = stage
        self.command = command
        self.own = own


@dataclass(slots=True)
class Envelope:
    """What the server has accepted since the last reset, ``since`` when. ``size`` counts the message's octets as on the
    wire."""

    mail: Command | None = None
    rcpts: list[Command] = field(default_factory=list)
    last: Command | None = None
    count: int = 0
    size: int = 0
    since: float = 0.0
    # Read once: rules ask for them at every command that follows, and a line may be 16 KiB long.
    _sender: bytes | None = None
    _recipient: bytes | None = None

    def add(self, rcpt: Command) -> None:
        """One more accepted recipient; by name only while there are few, and of no more than lawful length."""
        self.count += 1
        self.last = rcpt if len(rcpt.line) <= rcpt.spec.max_length else None
        self._recipient = None
        if len(self.rcpts) < RECIPIENTS_KEPT and len(rcpt.line) <= rcpt.spec.max_length:
            self.rcpts.append(rcpt)

    @property
    def sender(self) -> bytes | None:
        """The sender's address; b"" is the null sender, None is no envelope."""
        if self._sender is None and self.mail is not None:
            self._sender = address(self.mail)
        return self._sender

    @property
    def recipient(self) -> bytes:
        """The address of the last recipient; b"" where there is none, or its line was too long to be kept."""
        if self._recipient is None:
            self._recipient = address(self.last) if self.last is not None else b""
        return self._recipient

    @property
    def recipients(self) -> list[bytes]:
        """The addresses of the first recipients."""
        return [address(rcpt) for rcpt in self.rcpts]


class Dialogue:
    """Pairs replies with commands and follows the session's state."""

    __slots__ = (
        "authenticated", "chunk_refused", "content", "envelope", "greeted", "hello", "last_said", "lmtp", "pending",
        "rcpts_said", "tls",
    )  # fmt: skip

    def __init__(self) -> None:
        self.pending: deque[Exchange] = deque((Exchange("greeting"),))
        self.greeted = False
        self.hello = ""
        self.lmtp = False
        self.authenticated = False
        self.tls = False
        self.envelope = Envelope()
        # What the client has said for the message at hand, answered or not: its verb, and whether BDAT … LAST came.
        self.content = ""
        self.last_said = False
        self.rcpts_said = 0
        # A chunk that the server never saw is missing: no later one may end the message (law 4).
        self.chunk_refused = False

    @property
    def state(self) -> str:
        """The word that policies use: connect, greeted, helloed, mail, rcpt."""
        if not self.greeted:
            return "connect"
        if self.envelope.count:
            return "rcpt"
        if self.envelope.mail is not None:
            return "mail"
        return "helloed" if self.hello else "greeted"

    def push(self, exchange: Exchange) -> Exchange:
        """A reply is owed from here on."""
        self.pending.append(exchange)
        return exchange

    def said(self, command: Command) -> None:
        """The client has said a command, the last one that is pending; some begin another transaction, if the server
        takes them."""
        change = command.spec.change
        if change == "rcpt":
            self.rcpts_said += 1
        elif change in ("mail", "reset", "hello"):
            self.rcpts_said = 0
            self.content = ""
            self.last_said = False
            if self.chunk_refused:
                self.chunk_refused = not self._leaves_transaction(command)

    def _leaves_transaction(self, command: Command) -> bool:
        """Whether whatever the server says to it, the message at hand can't go on behind ``command``."""
        if command.spec.change == "mail":
            # Inside a transaction MAIL is refused, and changes nothing (RFC 5321 4.1.4).
            others = (exchange.command for exchange in self.pending if exchange.command is not command)
            return self.envelope.mail is None and not any(other.spec.change == "mail" for other in others)
        # RSET is never refused, but with an argument it may be (RFC 5321 4.1.1.5); a hello may be.
        return command.spec.change == "reset" and not command.argument

    def accepted(self, command: Command, now: float = 0.0) -> None:
        """Apply what a positive reply to ``command``, which came at ``now``, changes."""
        change = command.spec.change
        if change == "rcpt":
            self.envelope.add(command)
        elif change == "mail":
            self.envelope = Envelope(mail=command, since=now)
        elif change == "hello":
            self.hello = command.verb
            self.lmtp = command.verb == "LHLO"
            self.envelope = Envelope()
        elif change == "reset":
            self.envelope = Envelope()
        elif change == "xclient":
            # Postfix starts the session anew behind it, with a 220.
            self.hello = ""
            self.envelope = Envelope()

    def message_replies(self) -> int:
        """How many replies the end of a message is owed: one, in LMTP one an accepted recipient (RFC 2033 4.2)."""
        return max(1, self.envelope.count) if self.lmtp else 1

    def end_message(self) -> Envelope:
        """The transaction is over, whatever the reply was; gives the envelope that it had."""
        envelope = self.envelope
        self.envelope = Envelope()
        return envelope
