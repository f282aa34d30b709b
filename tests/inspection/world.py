"""A whole session in one process without a socket: a generated client, the guard, and the reference server.

``converse`` runs it in a closed loop and keeps the trace of what each side sent when, which ``replay`` can feed again
cut in other ways. The client's view is ``received``, the server's is its list of commands.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from smtpguard.inspection.effects import Record
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.inspection.reference import ReferenceServer
from tests.inspection.strategies import Unit
from tests.playbook.playbook import Factory
from tests.playbook.runner import Outcome, Shell
from tests.playbook.slicing import Slicing, whole
from tests.playbook.steps import Advance, Eof, Feed, Input, TlsUp

PATIENCE = 5.0  # seconds; delays in generated rulebooks are shorter, every deadline of the guard is far longer


@dataclass(slots=True)
class Session:
    """What happened: ``trace`` is what was fed, ``outcomes`` what each step of it brought."""

    shell: Shell
    server: ReferenceServer
    trace: list[Input] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    received: bytes = b""
    forwarded: bytes = b""
    before_fin: int | None = None  # how many outcomes came before the first FIN

    @property
    def records(self) -> list[Record]:
        return [record for outcome in self.outcomes for record in outcome.records]

    @property
    def marks(self) -> list[str]:
        return [mark for outcome in self.outcomes for mark in outcome.marks]

    def events(self, name: str) -> list[dict[str, object]]:
        """The fields of all records of one event."""
        return [record.fields for record in self.records if record.event == name]


def replies(received: bytes) -> list[tuple[int, bytes]]:
    """Code and octets of every whole reply, in order."""
    found = []
    lines: list[bytes] = []
    for line in received.split(b"\r\n")[:-1]:
        lines.append(line)
        if line[3:4] != b"-":
            found.append((int(line[:3]), b"\r\n".join(lines)))
            lines = []
    return found


class Talk:
    """The closed loop."""

    def __init__(self, factory: Factory, server: ReferenceServer, slicing: Slicing = whole) -> None:
        self.session = Session(Shell(factory(), slicing), server)
        self._to_server = b""
        self._take(self.session.shell.start())

    def feed(self, what: Input) -> None:
        self.session.trace.append(what)
        self._take(self.session.shell.step(what))

    def _take(self, outcome: Outcome) -> None:
        session = self.session
        assert not outcome.error, outcome.error
        session.outcomes.append(outcome)
        session.received += outcome.sent[CLIENT]
        session.forwarded += outcome.sent[SERVER]
        self._to_server += outcome.sent[SERVER]
        for side in (SERVER, CLIENT):
            if f"starting tls {side.value}" in outcome.marks:
                if side is SERVER:
                    session.server.begin_anew()
                self.feed(TlsUp(side))

    def settle(self) -> None:
        """The server reads and answers until there is nothing left to read and nothing is delayed."""
        while self._to_server or self._soon():
            if not self._to_server:
                self.feed(Advance(PATIENCE))
                continue
            data, self._to_server = self._to_server, b""
            answer = self.session.server.receive(data)
            if answer:
                self.feed(Feed(SERVER, answer))

    def _soon(self) -> bool:
        """Whether a delay ends before anybody loses patience."""
        inspector = self.session.shell.inspector
        due = inspector.deadline
        return due is not None and not inspector.closed and due <= self.session.shell.now + PATIENCE

    def client(self, data: bytes) -> None:
        if data:
            self.feed(Feed(CLIENT, data))

    def last_code(self, have: int) -> int:
        """The code of the newest reply, 0 when none came since there were ``have``."""
        found = replies(self.session.received)
        return found[-1][0] if len(found) > have else 0

    def count(self) -> int:
        return len(replies(self.session.received))


def converse(factory: Factory, units: Sequence[Unit], choices: Sequence[int], slicing: Slicing = whole) -> Session:
    """Run the session from the greeting to both ends' FIN."""
    talk = Talk(factory, ReferenceServer(choices), slicing)
    talk.feed(Feed(SERVER, talk.session.server.greeting()))
    unsent = b""
    for unit in units:
        if unit.counted or not unit.polite:
            unsent += unit.line + b"".join(unit.follow)
        else:
            unsent += unit.line
        if not unit.awaits:
            continue
        talk.client(unsent)
        unsent = b""
        have = talk.count()
        talk.settle()
        if unit.polite and not unit.counted:
            _answer(talk, unit.follow, have)
    talk.client(unsent)
    talk.settle()
    talk.session.before_fin = len(talk.session.outcomes)
    talk.feed(Eof(CLIENT))
    talk.feed(Eof(SERVER))
    return talk.session


def _answer(talk: Talk, follow: Sequence[bytes], have: int) -> None:
    """Send each payload that the server asks for."""
    for payload in follow:
        if talk.last_code(have) // 100 != 3:
            return
        have = talk.count()
        talk.client(payload)
        talk.settle()


def replay(factory: Factory, trace: Sequence[Input], slicing: Slicing) -> tuple[Shell, list[Outcome]]:
    """Feed a trace again, cut otherwise."""
    shell = Shell(factory(), slicing)
    return shell, [shell.start(), *(shell.step(what) for what in trace)]
