"""A connection that is up: the wire, whom it leads to, and the records that name both."""

from __future__ import annotations

from smtpguard.lab.events import EventLog
from smtpguard.lab.sender.attempt import Course, RefusedError, last_line
from smtpguard.lab.sender.wire import DROPPED, AttemptError, Wire
from smtpguard.smtp.replies import Reply

CLOSING = 421  # RFC 5321 4.2.3: the server says so and closes, whatever the command was


class Connection:
    """``remote``: the exchanger's name; ``number``: counts the sender's connections from 1; ``tls``: is encrypted."""

    def __init__(self, wire: Wire, number: int, remote: str, domain: str, events: EventLog) -> None:
        self.wire = wire
        self.number = number
        self.remote = remote
        self.domain = domain
        self.tls = False
        self._events = events

    def record(self, event: str, **fields: object) -> None:
        """Write an event down with remote host, domain and connection number."""
        known: dict[str, object] = {"remote": self.remote, "domain": self.domain, "connection": self.number}
        self._events.add("sender", event, fields | known)

    def turn_to(self, course: Course) -> None:
        """What is said from now on belongs to ``course``."""
        self.wire.transcript = course.transcript

    async def reply(self) -> Reply:
        """The next reply; a 421 ends the attempt."""
        reply = await self.wire.reply()
        if reply.code == CLOSING:
            raise AttemptError(last_line(reply))
        return reply

    async def ask(self, line: bytes) -> Reply:
        """Send a command and read its reply."""
        await self.wire.command(line)
        return await self.reply()

    async def demand(self, line: bytes) -> Reply:
        """Send a command that must be answered 2xx; raises ``RefusedError`` when it is not."""
        return accepted(await self.ask(line))

    def record_end(self, failure: AttemptError) -> None:
        """Write down how the connection was lost, where it was the peer's doing."""
        if failure.reason == DROPPED:
            self.record("connection-dropped", reason=failure.reason)
        elif failure.silent:
            self.record("connection-timed-out", reason=failure.reason)


def accepted(reply: Reply) -> Reply:
    """``reply`` when it is a 2xx; raises ``RefusedError`` otherwise."""
    if not reply.positive:
        raise RefusedError(reply)
    return reply
