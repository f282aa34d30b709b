"""What the Inspector makes of a conversation, in the terms in which other projects state their expected results.

Rules that only look (their condition takes a note and never matches) see every command and reply beside the records;
so the same run tells commands, replies, transactions and violations.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache

from smtpguard.inspection.effects import Record
from smtpguard.policy import actions
from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Facts, Rulebook
from smtpguard.replay.captures import Conversation
from smtpguard.replay.replay import Cut, Replay, replay, slices
from smtpguard.smtp.verbs import VERBS
from tests.playbook.rulebooks import rule, rulebook


@dataclass(frozen=True)
class Transaction:
    """An envelope that the server accepted, and its message where one was sent."""

    sender: str
    recipients: tuple[str, ...]
    verb: str = ""  # DATA or BDAT; empty: given up before
    size: int | None = None
    code: int | None = None
    reply: str = ""  # the last line of the reply to the message


@dataclass
class Observed:
    """One conversation under the policy ``pass``."""

    replay: Replay
    commands: list[tuple[str, str]] = field(default_factory=list)  # verb, argument
    replies: list[tuple[str, int, str]] = field(default_factory=list)  # verb answered, code, the line
    transactions: list[Transaction] = field(default_factory=list)

    @property
    def hello(self) -> str:
        """The name in the last HELO or EHLO."""
        return next((argument for verb, argument in reversed(self.commands) if verb in ("HELO", "EHLO")), "")

    @property
    def messages(self) -> list[Transaction]:
        return [transaction for transaction in self.transactions if transaction.verb]

    @property
    def violations(self) -> set[str]:
        return {str(record.fields["violation"]) for record in self.records("violation")}

    @property
    def uncertain(self) -> set[str]:
        return {str(record.fields["violation"]) for record in self.records("uncertain")}

    def records(self, event: str) -> list[Record]:
        return [record for record in self.replay.records if record.event == event]


@cache
def passing() -> Rulebook:
    """The policy ``pass`` as it is shipped."""
    return load_policy("pass")


class _Notes:
    """The rules' conditions: they write down what they are asked about."""

    def __init__(self) -> None:
        self.commands: list[tuple[str, str]] = []
        self.replies: list[tuple[str, int, str]] = []
        self.given_up: list[tuple[int, Transaction]] = []  # behind how many messages
        self.answers: list[str] = []  # to each message, the last line
        self._recipients: list[str] = []

    def rulebook(self) -> Rulebook:
        """``pass``, with these notes taken."""
        looking = rulebook(
            rule("see-command", "command", actions.Record(), when=self._command),
            rule("see-reply", "reply", actions.Record(), when=self._reply),
            rule("see-message", "message", actions.Record(), when=self._message),
        )
        return replace(passing(), command=looking.command, reply=looking.reply, message=looking.message)

    def _command(self, facts: Facts) -> bool:
        known = VERBS.get(facts.verb)
        if known is None or known.payload == "sasl":
            self.commands.append((facts.verb if known else "?", ""))  # it may be a password, and failures are printed
        else:
            self.commands.append((facts.verb, _text(facts.argument).strip()))
        if facts.verb in ("RSET", "QUIT", "HELO", "EHLO") and facts.state in ("mail", "rcpt"):
            transaction = Transaction(_text(facts.sender), tuple(self._recipients))
            self.given_up.append((len(self.answers), transaction))
        if facts.verb in ("RSET", "HELO", "EHLO", "MAIL"):
            self._recipients.clear()
        return False

    def _reply(self, facts: Facts) -> bool:
        code = facts.code or 0
        self.replies.append((facts.verb, code, _text(facts.line)))
        if facts.verb == "RCPT" and 200 <= code <= 299:
            self._recipients.append(_text(facts.recipient))
        return False

    def _message(self, facts: Facts) -> bool:
        self.answers.append(_text(facts.line).rpartition("\r\n")[2])
        self._recipients.clear()
        return False


def observe(conversation: Conversation, cut: Cut = slices) -> Observed:
    """Run ``conversation`` through the Inspector under ``pass``, and take notes."""
    notes = _Notes()
    found = Observed(replay(conversation, notes.rulebook(), cut=cut), notes.commands, notes.replies)
    messages = zip(found.records("message"), notes.answers, strict=True)
    found.transactions = [_message(record, answer) for record, answer in messages]
    for behind, transaction in reversed(notes.given_up):
        found.transactions.insert(behind, transaction)
    return found


def _message(record: Record, answer: str) -> Transaction:
    fields = record.fields
    recipients = fields["recipients"]
    size, code = fields["size"], fields["code"]
    assert isinstance(recipients, list)
    assert size is None or isinstance(size, int)
    assert code is None or isinstance(code, int)
    names = tuple(_plain(name) for name in recipients)
    return Transaction(_plain(fields["sender"]), names, str(fields["verb"]), size, code, answer)


def _plain(value: object) -> str:
    return _text(value) if isinstance(value, bytes) else str(value)


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "backslashreplace")
