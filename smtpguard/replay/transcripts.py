"""Transcripts of a journal (``serve --transcripts``) as conversations that can be replayed.

What was masked comes back as octets of the same number and shape: x's, lines as long as they were. Raises
``TranscriptError`` for a journal that can't be read, with the line; bounded by ``MAX_OCTETS`` a session, since a
transcript of a few octets can stand for a message of any size.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smtpguard.replay.captures import Conversation, Endpoint, Turn
from smtpguard.smtp.sides import CLIENT, SERVER

MAX_OCTETS = 64 * 1024 * 1024
"""Of one session, once unmasked. Ours: twice the largest message that common servers take."""

_SIDES = {side.value: side for side in (CLIENT, SERVER)}


class TranscriptError(Exception):
    """What is wrong with a journal, as one line with the file's name."""


@dataclass(frozen=True, slots=True)
class Transcript:
    """One session: its ``identity`` in the journal, what was said, and how the transcript ended ("" for whole)."""

    identity: str
    conversation: Conversation
    ended: str = ""


def read_transcripts(path: Path) -> list[Transcript]:
    """The sessions of the journal at ``path`` that have a transcript, in its order."""
    found: list[Transcript] = []
    try:
        with path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if b'"transcript"' in line:
                    found.append(_read(path, number, line))
    except OSError as error:
        raise TranscriptError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not found:
        hint = "record them with `smtpguard serve --transcripts`"
        raise TranscriptError(f"{path}: no session with a transcript in it; {hint}")
    return found


def _read(path: Path, number: int, line: bytes) -> Transcript:
    try:
        fields = json.loads(line)
        transcript = fields["transcript"]
        turns = [Turn(_SIDES[side], data) for side, data in _turns(transcript["turns"])]
        conversation = Conversation(_endpoint(fields["client"]), _endpoint(fields["server"]), tuple(turns), {}, True)
        return Transcript(str(fields["session"]), conversation, str(transcript["ended"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise TranscriptError(f"{path}:{number}: not a line of a journal with a transcript: {error!r}") from error


def _turns(turns: list[list[Any]]) -> Iterator[tuple[str, bytes]]:
    octets = 0
    for side, what in turns:
        data = what.encode("latin-1") if isinstance(what, str) else b"".join(_unmasked(what, MAX_OCTETS - octets))
        octets += len(data)
        yield side, data


def _unmasked(what: object, room: int) -> Iterator[bytes]:
    """The octets that a number or a list stands for; ValueError where there is no ``room`` for them."""
    if isinstance(what, int) and what > 0:
        what = [-what]  # a blob has no lines
    if not isinstance(what, list):
        raise TypeError(f"{what!r} is nothing that was said")
    for item in what:
        length, times = item if isinstance(item, list) else (item, 1)
        if isinstance(length, str):
            line = length.encode("latin-1")
        elif isinstance(length, int) and length not in (0, 1) and abs(length) <= room:
            line = b"x" * (length - 2) + b"\r\n" if length > 0 else b"x" * -length
        else:
            raise ValueError(f"{item!r} stands for no octets, or for more than {MAX_OCTETS}")
        if not isinstance(times, int) or times < 1 or len(line) * times > room:
            raise ValueError(f"{item!r} stands for no octets, or for more than {MAX_OCTETS}")
        room -= len(line) * times
        yield line * times


def _endpoint(address: str) -> Endpoint:
    """Of ``192.0.2.7:25`` or ``[2001:db8::1]:25``; a name is no address, and rules on networks don't see it."""
    host, _, port = str(address).rpartition(":")
    plain = host.strip("[]")
    is_address = ":" in plain or plain.replace(".", "").isdigit()
    return Endpoint(plain if is_address else "", int(port) if port.isdigit() else 0)
