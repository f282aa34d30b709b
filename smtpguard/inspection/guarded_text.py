"""The text of DATA under rules that may refuse or alter it for how its lines end.

Octets that some server may take for an end of data (a dot at the beginning of what it takes for a line) are kept back,
two at most, until those behind them decide what they are. So whatever the rules say, no server has seen an end by then
that is not the real one. A refused text goes no further; the client says the rest of it to nobody, and hears why at its
end: a sender that is cut off in the middle of a text does not read the reply, and tries again for days.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtpguard.inspection import answering, commanding
from smtpguard.policy.rulebook import Rule
from smtpguard.smtp.dialogue import Exchange
from smtpguard.smtp.framing import END, TextReader, undecided
from smtpguard.smtp.line_ends import LineWatch

if TYPE_CHECKING:
    from smtpguard.inspection.payload_flow import PayloadFlow

_DOT_LINE = len(b".\r\n")
_CONTEXT = 4


class GuardedText:
    """One text: ``exchange`` is its reply to come; ``holds``: a rule may refuse or alter it, not just record."""

    __slots__ = ("_exchange", "_flow", "_holds", "_kept", "_refused", "_text", "_watch")

    def __init__(self, flow: PayloadFlow, exchange: Exchange, *, holds: bool) -> None:
        watched = flow.session.rulebook.watched_in_text
        self._flow = flow
        self._exchange = exchange
        self._holds = holds
        self._text = TextReader()
        self._watch = LineWatch(watched) if watched else None
        self._kept = b""
        self._refused = False

    def read(self, data: bytes, position: int) -> int:
        """A reader: how far it got in ``data``."""
        tail = self._text.tail
        end = self._text.feed(data, position)
        stop = end if end >= 0 else len(data)
        if self._refused:
            self._flow.session.since = self._flow.session.now
        else:
            rest = self._take(data[position:stop], position, tail, whole=end >= 0)
            if rest >= 0:
                return max(position, stop - rest)
        if end >= 0:
            self._exchange.size = self._text.size
            if self._refused:
                answering.refuse_message(self._flow.session, self._exchange)
            else:
                self._flow.text_is_whole(split=end - position < len(END))
        return stop

    def take_kept(self) -> bytes:
        """What is kept back now, and is somebody else's from here on."""
        kept, self._kept = self._kept, b""
        return kept

    def _take(self, part: bytes, position: int, tail: bytes, *, whole: bool) -> int:
        """One slice of the text: -1, or how many octets were left at its end because the session is over."""
        session = self._flow.session
        before = len(self._kept)
        piece = self.take_kept() + part
        done = 0
        for index, name, form in self._faults(part, position):
            seen = index - position
            # Up to here all is well, whatever this octet has shown.
            place = max(done, before + seen - self._undecided(tail + part[:seen]))
            stopped = self._flow.pass_text(piece, done, place)
            if stopped >= 0:
                return self._leave(piece, stopped, len(part))
            done = place
            rule = session.accuse(name, self._exchange.command, form)
            if session.over:
                return self._leave(piece, done, len(part))
            if rule is not None:
                self._refuse(rule)
                return -1
        upto = max(done, len(piece) - (_DOT_LINE if whole else self._undecided(self._text.tail)))
        stopped = self._flow.pass_text(piece, done, upto)
        if stopped < 0 and whole:
            stopped = self._flow.pass_text(piece, upto, len(piece), raw=True)
        if stopped >= 0:
            return self._leave(piece, stopped, len(part))
        self._kept = b"" if whole else piece[upto:]
        return -1

    def _undecided(self, seen: bytes) -> int:
        return undecided(seen[-_CONTEXT:]) if self._holds else 0

    def _leave(self, piece: bytes, done: int, size: int) -> int:
        """The session is over: what had been kept back goes out in front where it has become a tunnel."""
        session = self._flow.session
        kept = len(piece) - size
        if session.tunnelled and done < kept:
            session.send(self._flow.peer, piece[done:kept])
        return len(piece) - max(done, kept)

    def _faults(self, part: bytes, position: int) -> list[tuple[int, str, str]]:
        """What is wrong in a slice, in the order of the octets that show it: index, violation, its form."""
        found = [(near.octet, "smuggling", near.form) for near in self._text.fresh]
        if self._watch is not None and part:
            found += [(position + index, name, "") for index, name in self._watch.feed(part)]
        return sorted(found)

    def _refuse(self, rule: Rule) -> None:
        session = self._flow.session
        session.since = session.now
        self._refused = True
        self._exchange.own = commanding.refusal(rule) * session.dialogue.message_replies()
