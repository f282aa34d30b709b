"""One attempt at one message: its course while it goes on, and what came of it.

Several attempts may share a connection. The first of them has the connection's opening in its course, the last one its
end; those behind the first count the steps of the opening as done.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from smtpguard.lab.sender.steps import Step, StepBoard, StepState
from smtpguard.lab.telling.transcript import Said, Transcript
from smtpguard.smtp.replies import Reply


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recipient that the server did not take, with the last line of its reply."""

    recipient: str
    code: int
    text: str

    @property
    def permanent(self) -> bool:
        """A 5xx: no retry mends it."""
        return self.code >= 500


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt went.

    ``delivered``: every recipient of the attempt was served; ``accepted`` names those that were. ``permanent``: no
    retry mends it, ``status`` is why (RFC 3463). ``reason`` is empty when delivered. ``connection`` counts the
    sender's connections from 1; 0 when none came about. ``begun``: MAIL was sent, so that what failed is this message
    and not only the connection; ``lost``: the connection can't carry another message.
    """

    delivered: bool
    permanent: bool
    reason: str
    steps: tuple[StepState, ...]
    lines: tuple[Said, ...]
    status: str = ""
    accepted: tuple[str, ...] = ()
    refused: tuple[Refusal, ...] = ()
    connection: int = 0
    exchanger: str = ""
    tls: bool = False
    begun: bool = False
    lost: bool = False


@dataclass(slots=True)
class Course:
    """Steps and conversation of an attempt that is under way."""

    board: StepBoard = field(default_factory=StepBoard)
    transcript: Transcript = field(default_factory=Transcript)

    @classmethod
    def on_open_connection(cls) -> Course:
        """The course of a message that is not the first of its connection."""
        course = cls()
        for step in range(Step.LOOK_UP, Step.MAIL):
            course.board.ok(Step(step))
        course.board.at(Step.MAIL)
        return course


class RefusedError(Exception):
    """The server spoke, and said no; the connection is still good."""

    def __init__(self, reply: Reply) -> None:
        self.code = reply.code
        self.text = last_line(reply)
        super().__init__(self.text)


def last_line(reply: Reply) -> str:
    """The last line of a reply, octet for octet without its line end: blanks at the end stay."""
    return reply.lines[-1].rstrip(b"\r\n").decode("latin-1")
