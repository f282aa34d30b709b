"""A session's transcript: what was said, in its order, without what must not be kept.

    transcriber = Transcriber(rulebook)       # a rulebook that alters nothing: an Inspector that remembers
    transcriber.receive(side, data) …         # as any Inspector
    transcriber.transcript()                  # plain values for the journal

A transcript is ``{"turns": [...], "ended": "" | "tunnel" | "cut" | "lost"}``. A turn is ``[side, what]``:

- text: command lines and replies as they came, in Latin-1; masked as ``concealing`` says.
- a list: a message, line by line: a number is the octets of a line with its CRLF, ``[octets, times]`` so many of them,
  a negative number octets without a line end; text is a line that begins with a dot or holds a bare CR, LF or NUL, of
  which only these octets are kept. So sizes, lines and ends of data stay, and not a word of the message.
- a number: octets of a blob.

What is kept is bounded: behind ``MAX_COST`` it ends as ``cut``; where the rest is opaque (TLS, or the Inspector can't
know any more what is what, or the server has ended), as ``tunnel``; as ``lost`` where the shadow that keeps it was
given up.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple, cast

from smtpguard.inspection.concealing import concealed_command, concealed_octets, concealed_reply, gives_credentials
from smtpguard.inspection.effects import Effect, Send
from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.session import Session
from smtpguard.inspection.telling import json_octets
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.sides import SERVER, Side, other
from smtpguard.smtp.verbs import UNKNOWN

MAX_COST = 24_576
"""What a transcript may cost: text its octets in JSON, a turn or a number sixteen. As JSON, with the rest of the
session's summary, it fits into the 48 KiB that systemd-journald keeps of a line (LineMax=). Some hundred messages."""
NUMBER_COST = 16
LONGEST_LINE = 4096  # a longer one is kept in pieces without an end


class _Said(NamedTuple):
    """In place of a ``Send``: octets of ``side``, and what they were at the moment in which they passed."""

    side: Side
    kind: str  # command, reply, text, blob, sasl, opaque
    data: bytes
    hidden: bool  # a reply to what is masked


class _RememberingSession(Session):
    """Says of all octets what they are. ``hides``: the next reply answers something that is masked; ``opened``: the
    server has ended, and what the client says passes as it comes, taken apart by nobody."""

    __slots__ = ("hides", "opened")

    hides: bool
    opened: bool

    def open_up(self) -> None:
        """Both directions pass as they come, what was held first."""
        self.opened = True
        super().open_up()

    def send(self, side: Side, data: bytes) -> None:
        """Octets towards ``side``."""
        if data:
            self.effects.append(_Said(other(side), self.kind(side), data, self.hides))  # type: ignore[arg-type]

    def kind(self, towards: Side) -> str:
        """What the next octets are that go towards a side."""
        if self.tunnelled:
            return "opaque"
        if towards is not SERVER:
            return "reply"
        if self.opened:
            return "opaque"
        state = self.client_flow.state
        if state == "payload":
            return "blob" if self.client_flow.payload_stage == "blob" else "text"
        return "sasl" if state == "auth" else "command"


class Transcriber(Inspector):
    """An Inspector under a rulebook that alters nothing, whose sends are kept as a transcript."""

    __slots__ = ("_cost", "_ended", "_line", "_remembering", "_tried_auth", "_turns")

    session_class: ClassVar[type[Session]] = _RememberingSession

    def __init__(self, rulebook: Rulebook, **settings: Any) -> None:
        """``settings`` are those of an Inspector."""
        if not rulebook.transparent:
            raise ValueError(f"{rulebook.name} may alter something: what passes is not what was said")
        super().__init__(rulebook, **settings)
        self._remembering = cast(_RememberingSession, self._session)
        self._remembering.hides = self._remembering.opened = False
        self._turns: list[list[object]] = []
        self._cost = 0
        self._line = b""  # of a message, its end still to come
        self._ended = ""
        self._tried_auth = False

    def receive(self, side: Side, data: bytes, now: float | None = None) -> list[Effect]:
        """Octets that were read from ``side``; gives effects without the sends."""
        if side is not SERVER:
            kind = self._remembering.kind(SERVER)
            return self._kept(super().receive(side, data, now), kind)
        effects: list[Effect] = []
        position = 0
        while position < len(data):
            # Line by line: what a reply answers is known before it has come to its end, and forgotten with that.
            end = len(data) if self._session.tunnelled else data.find(b"\n", position) + 1 or len(data)
            self._remembering.hides = self._answers_masked()
            effects += self._kept(super().receive(side, data[position:end], now))
            position = end
        return effects

    def eof(self, side: Side, now: float | None = None) -> list[Effect]:
        """``side`` has closed its sending direction."""
        return self._kept(super().eof(side, now))

    def tls_started(self, side: Side, now: float | None = None) -> list[Effect]:
        """TLS is up: what is said in it is for nobody's journal, though a bridge could read it."""
        effects = self._kept(super().tls_started(side, now))
        self._end_line()
        self._ended = self._ended or "tunnel"
        return effects

    def transcript(self) -> dict[str, object]:
        """What was said so far, as plain values."""
        self._end_line()
        return {"turns": self._turns, "ended": self._ended}

    # --- inside ------------------------------------------------------------------------------------------------

    def _answers_masked(self) -> bool:
        """Whether the reply that the server owes next answers something that is masked."""
        pending = self._session.dialogue.pending
        if not pending:
            return False
        spec, stage = pending[0].command.spec, pending[0].stage
        return spec.payload == "sasl" or (spec is UNKNOWN and stage == "command")

    def _kept(self, effects: list[Effect], kind: str = "reply") -> list[Effect]:
        """The effects without the sends. ``kind``: of what takes the short way, which passes no ``Session.send``."""
        rest: list[Effect] = []
        for effect in effects:
            if isinstance(effect, _Said):
                self._take(effect.side, effect.kind, effect.data, hidden=effect.hidden)
            elif isinstance(effect, Send):
                self._take(other(effect.side), kind, effect.data, hidden=self._remembering.hides)
            else:
                rest.append(effect)
        return rest

    def _take(self, side: Side, kind: str, data: bytes, *, hidden: bool) -> None:
        if self._ended:
            return
        if kind == "text":
            self._take_lines(data)
            return
        self._end_line()
        if kind == "opaque":
            self._ended = "tunnel"
        elif kind == "blob":
            self._add_blob(len(data))
        elif kind == "sasl":
            self._add_text(side, concealed_octets(data))
        elif kind == "command":
            self._add_text(side, concealed_command(data, tried_auth=self._tried_auth))
            self._tried_auth |= gives_credentials(data)
        else:
            self._add_text(side, concealed_reply(data) if hidden else data)

    def _add_text(self, side: Side, data: bytes) -> None:
        text = data.decode("latin-1")
        if not self._pay(json_octets(text) + NUMBER_COST):
            return
        last = self._turns[-1] if self._turns else None
        if last is not None and last[0] == side.value and isinstance(last[1], str):
            last[1] += text
        else:
            self._turns.append([side.value, text])

    def _add_blob(self, octets: int) -> None:
        last = self._turns[-1] if self._turns else None
        if last is not None and isinstance(last[1], int):
            last[1] += octets
        else:
            self._turns.append(["client", octets])
            self._pay(NUMBER_COST)

    def _take_lines(self, data: bytes) -> None:
        """Octets of a message, as they were cut; whole lines are kept."""
        *lines, self._line = (self._line + data if self._line else data).split(b"\n")
        for line in lines:
            if self._ended:
                self._line = b""
                return
            self._add_line(line + b"\n")
        if len(self._line) > LONGEST_LINE:
            self._end_line()

    def _end_line(self) -> None:
        """What there is of a line is kept as it is."""
        line, self._line = self._line, b""
        if line and not self._ended:
            self._add_line(line)

    def _add_line(self, line: bytes) -> None:
        body = line[:-2] if line.endswith(b"\r\n") else line
        if line.startswith(b".") or b"\r" in body or b"\n" in body or b"\0" in body:
            text = concealed_octets(line).decode("latin-1")
            if self._pay(json_octets(text)):
                self._add_item(text)
        else:
            self._add_item(-len(line) if body is line else len(line))

    def _add_item(self, item: int | str) -> None:
        last = self._turns[-1] if self._turns else None
        if last is None or not isinstance(last[1], list):
            self._turns.append(["client", [item]])
            self._pay(NUMBER_COST)
            return
        items = last[1]
        if isinstance(item, int) and isinstance(items[-1], list) and items[-1][0] == item:
            items[-1][1] += 1
        elif isinstance(item, int) and item > 0 and items[-1] == item:
            items[-1] = [item, 2]
        else:
            items.append(item)
            self._pay(NUMBER_COST)

    def _pay(self, cost: int) -> bool:
        """Whether there is room for what costs so much."""
        self._cost += cost
        if self._cost > MAX_COST:
            self._ended = "cut"
        return not self._ended
