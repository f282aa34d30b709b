"""One conversation through a persona, written down: what each side says, and below it what the persona makes of it.

A line stands alone where it passes as it came. Arrows below it say what goes out instead, and ``*`` what is recorded of
a decision. Payloads and long lines are counted, not shown; an opening that stands in the transcript is not told again.
"""

from __future__ import annotations

import re
from itertools import pairwise

from smtpguard.inspection.effects import Record
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.sides import CLIENT, SERVER, Side
from tests.personas.exchange import Exchange
from tests.playbook import SLICINGS, inspector
from tests.playbook.runner import Outcome, Shell
from tests.playbook.steps import Feed

_LETTER = {CLIENT: "C", SERVER: "S"}
_LONGEST = 130
_TOLD = ("rule", "verb", "keyword", "section", "length", "lie", "event_id", "why", "violation")
_SILENT = frozenset(("message", "xexch50", "starttls"))


class SessionOverError(Exception):
    """The persona has ended the session, or lets nothing pass any more."""


class Conversation:
    """A client that says what a script tells it, a persona, a server; ``lines`` is the transcript."""

    def __init__(self, rulebook: Rulebook, title: str, server: Exchange, *, known: str = "") -> None:
        self.lines = ["", f"== {title}"]
        self.opening = ""
        self._known = known
        self._server = server
        self._shell = Shell(inspector(rulebook)(), SLICINGS["whole"])
        self._shell.start()
        self._heard = b""
        self._feed(SERVER, self._server.greeting())

    def opened(self) -> None:
        """The client has said hello: an opening that is ``known`` already is taken out again."""
        self.opening = "\n".join(self.lines[2:])
        if self.opening == self._known:
            self.lines[2:] = ["   (greeting and hello as above)"]

    def say(self, line: str | bytes, *, cuts: tuple[int, ...] = ()) -> str:
        """A command, in several segments where ``cuts`` are given; the whole reply. Raises ``SessionOverError``."""
        data = line.encode("latin-1") if isinstance(line, str) else line
        return self._client(data if data.endswith(b"\n") else data + b"\r\n", cuts)

    def octets(self, data: bytes, *, cuts: tuple[int, ...] = ()) -> str:
        """A payload; the reply to it."""
        return self._client(data, cuts)

    def _client(self, data: bytes, cuts: tuple[int, ...]) -> str:
        self._heard = b""
        for start, stop in pairwise([0, *cuts, len(data)]):
            self._feed(CLIENT, data[start:stop])
        reply = self._heard.decode("latin-1")
        if not reply:
            self.lines.append("   (silence)")
            raise SessionOverError
        return reply

    def _feed(self, side: Side, data: bytes) -> None:
        outcome = self._shell.step(Feed(side, data))
        assert not outcome.error, outcome.error
        self.lines += [f"{_LETTER[side]}: {line}" for line in _shown(data)]
        self.lines += list(self._made_of_it(side, data, outcome))
        self._heard += outcome.sent[CLIENT]
        answers = self._server.receive(bytes(outcome.sent[SERVER]))
        ended = bool({"closed", "reset"} & set(outcome.marks))
        if ended:
            self.lines.append(f"   ({next(mark for mark in outcome.marks if mark in ('closed', 'reset'))})")
            raise SessionOverError
        if answers:
            self._feed(SERVER, answers)
        if self._server.opaque:
            self.lines.append("   (TLS begins)")
            raise SessionOverError

    def _made_of_it(self, side: Side, data: bytes, outcome: Outcome) -> list[str]:
        told = [f"   * {_told(record)}" for record in outcome.records if record.event not in _SILENT]
        marks = ["   (a tunnel from here on)"] if "tunnel" in outcome.marks or "tunnelled" in outcome.marks else []
        to_client, to_server = bytes(outcome.sent[CLIENT]), bytes(outcome.sent[SERVER])
        passed = to_server if side is CLIENT else to_client
        beside = to_client if side is CLIENT else to_server
        out: list[str] = []
        if passed != data:
            out += [f"   -> {_LETTER[_other(side)]}: {line}" for line in _shown(passed)]
        if beside:
            out += [f"   -> {_LETTER[side]}: {line}" for line in _shown(beside)]
        if passed != data and not passed and not beside:
            out.append("   -> nothing")
        return out + told + marks


def _other(side: Side) -> Side:
    return SERVER if side is CLIENT else CLIENT


def _shown(data: bytes) -> list[str]:
    """Octets as lines: text as it is, what is binary or long counted, a piece of a line marked."""
    if data.count(b"\0") or (len(data) > 400 and data.count(b"\r\n") < 5):
        return [_cut(data)]
    parts = re.findall(rb"[^\n]*\n|[^\n]+", data)
    if len(parts) > 30:
        return [f"({len(parts)} lines, {len(data)} octets)"]
    return [_cut(part) for part in parts]


def _cut(part: bytes) -> str:
    text = part.decode("latin-1")
    whole = text.endswith("\r\n")
    line = text.removesuffix("\r\n")
    if not line.isprintable() or len(line) > _LONGEST:
        head = re.match(r"[ -~]{0,20}", line)
        return f"{head[0] if head else ''}... ({len(part)} octets)"
    return line if whole else f"{line!r} without its end"


def _told(record: Record) -> str:
    fields = [f"{name}={record.fields[name]}" for name in _TOLD if record.fields.get(name) not in (None, "")]
    return " ".join([record.event, *fields])
