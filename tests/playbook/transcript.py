"""A conversation as text, and the comparison of the one expected with the one seen.

Both are rendered line by line; what fits is rendered the same on both sides, so that the diff shows only what does not.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence

from smtpguard.inspection.effects import Record
from smtpguard.smtp.sides import CLIENT, SERVER, Side
from tests.playbook.runner import Outcome
from tests.playbook.steps import (
    Advance,
    Drain,
    Eof,
    Expected,
    Feed,
    Input,
    Lost,
    Marked,
    NotRecorded,
    Paused,
    Recorded,
    Sent,
    TlsFailed,
    TlsUp,
)

_LONGEST = 160


def shown(data: bytes) -> str:
    """Octets as Python writes them, long ones cut in the middle."""
    text = repr(data)
    return text if len(text) <= _LONGEST else f"{text[:100]} … {text[-40:]} ({len(data)} octets)"


def _split(data: bytes) -> list[bytes]:
    return re.findall(rb"[^\n]*\n|[^\n]+", data)


def input_lines(what: Input | None) -> list[str]:
    """One step's ``>>``."""
    match what:
        case None:
            return [">> start"]
        case Feed(side, data):
            letter = "C" if side is CLIENT else "S"
            return [f">> {letter} {shown(line)}" for line in _split(data)] or [f">> {letter} b''"]
        case Eof(side):
            return [f">> eof {side.value}"]
        case Lost(side):
            return [f">> lost {side.value}"]
        case Advance(seconds):
            return [f">> advance {seconds:g} s"]
        case TlsUp(side):
            return [f">> tls up {side.value}"]
        case TlsFailed(side, in_clear):
            return [f">> tls failed {side.value}{' in clear' if in_clear else ''}"]
        case Drain():
            return [">> drain"]


def _sent_lines(side: Side, data: bytes) -> list[str]:
    return [f"<< to {side.value} {shown(line)}" for line in _split(data)]


def _record_line(event: str, fields: dict[str, object]) -> str:
    return " ".join(["<< record", event, *(f"{name}={value!r}" for name, value in fields.items())])


def outcome_lines(outcome: Outcome) -> list[str]:
    """Everything that one step brought, for the diff between two slicings."""
    found = [*_sent_lines(CLIENT, bytes(outcome.sent[CLIENT])), *_sent_lines(SERVER, bytes(outcome.sent[SERVER]))]
    found += [_record_line(*entry) for entry in outcome.records]
    found += [f"<< {mark}" for mark in outcome.marks]
    return found + outcome.error.splitlines()


class Comparison:
    """One step: ``expected`` and ``seen`` lines, equal when the step came out as it should."""

    def __init__(self, what: Input | None, expected: Sequence[Expected], outcome: Outcome, *, strict: bool) -> None:
        self.expected: list[str] = []
        self.seen: list[str] = []
        self._both(input_lines(what))
        for side in (CLIENT, SERVER):
            pieces = [entry.piece for entry in expected if isinstance(entry, Sent) and entry.side is side]
            self._sends(side, pieces, bytes(outcome.sent[side]))
        self._records([entry for entry in expected if isinstance(entry, Recorded)], outcome.records, strict=strict)
        self._absences([entry for entry in expected if isinstance(entry, NotRecorded)], outcome.records)
        self.expected += [f"<< {entry.word}" for entry in expected if isinstance(entry, Marked)]
        self.seen += [f"<< {mark}" for mark in outcome.marks]
        self._pauses([entry for entry in expected if isinstance(entry, Paused)], outcome)
        self.seen += outcome.error.splitlines()

    @property
    def equal(self) -> bool:
        return self.expected == self.seen

    def _both(self, lines: Sequence[str]) -> None:
        self.expected += lines
        self.seen += lines

    def _sends(self, side: Side, pieces: Sequence[bytes | re.Pattern[bytes]], data: bytes) -> None:
        pattern = b"".join(
            re.escape(piece) if isinstance(piece, bytes) else b"(?:" + piece.pattern + b")" for piece in pieces
        )
        if re.fullmatch(pattern, data):
            self._both(_sent_lines(side, data))
            return
        merged: list[bytes | re.Pattern[bytes]] = []
        for piece in pieces:
            if isinstance(piece, bytes) and merged and isinstance(merged[-1], bytes):
                merged[-1] += piece
            else:
                merged.append(piece)
        for piece in merged:
            if isinstance(piece, bytes):
                self.expected += _sent_lines(side, piece)
            else:
                self.expected.append(f"<< to {side.value} like {piece.pattern!r}")
        self.seen += _sent_lines(side, data)

    def _records(self, wanted: Sequence[Recorded], found: Sequence[Record], *, strict: bool) -> None:
        """Match in order; each found record fits one wanted at most."""
        position = 0
        for entry in wanted:
            at = next((i for i in range(position, len(found)) if fits(entry, found[i])), None)
            if at is None:
                self.expected.append(_record_line(entry.event, entry.fields))
                continue
            self._unclaimed(found[position:at], strict=strict)
            self._both([_record_line(entry.event, entry.fields)])
            position = at + 1
        self._unclaimed(found[position:], strict=strict)

    def _unclaimed(self, records: Sequence[Record], *, strict: bool) -> None:
        lines = [_record_line(*entry) for entry in records]
        if strict:
            self.seen += lines
        else:
            self._both([f"{line}   (unclaimed)" for line in lines])

    def _absences(self, unwanted: Sequence[NotRecorded], found: Sequence[Record]) -> None:
        for entry in unwanted:
            line = "<< no " + _record_line(entry.event, entry.fields)[3:]
            self.expected.append(line)
            culprit = next((one for one in found if fits(entry, one)), None)
            self.seen.append(line if culprit is None else _record_line(*culprit))

    def _pauses(self, wanted: Sequence[Paused], outcome: Outcome) -> None:
        for entry in wanted:
            self.expected.append(f"<< {entry.side.value} is {'paused' if entry.really else 'read'}")
            self.seen.append(f"<< {entry.side.value} is {'paused' if entry.side in outcome.paused else 'read'}")


def fits(wanted: Recorded | NotRecorded, found: Record) -> bool:
    """Whether ``found`` has the event and at least the fields."""
    missing = object()
    return found.event == wanted.event and all(
        found.fields.get(name, missing) == value for name, value in wanted.fields.items()
    )


def diff(expected: Sequence[str], seen: Sequence[str]) -> Iterator[str]:
    """The whole transcript; ``-`` stands before what was expected and did not come, ``+`` before what came instead."""
    return (line for line in difflib.ndiff(expected, seen) if not line.startswith("?"))
