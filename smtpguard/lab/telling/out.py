"""What a run leaves behind in a directory: mails, transcripts, events, event logs, captures.

    result.json                the run's JSON report
    events.jsonl               what the hosts recorded, one JSON object a line
    eventlog.txt               the event logs of the three hosts, as Event Viewer prints them
    conversation-01.txt …      each attempt as the sender saw it, counted over all messages
    sent-1.eml …               the messages as they entered the queue
    received-1.eml …           the messages as the receiver stored them; received-1.blob: XEXCH50 data that came along
    ndr-1.eml, delay-1.eml …   the notifications to the author
    sender-firewall.pcap, firewall-receiver.pcap; sender-receiver.pcap where there is no firewall

In a directory that holds an earlier run, known by its ``result.json`` and ``events.jsonl``, the files of that run go
first, so that what lies there afterwards is of one run. Other files are left alone. The same run writes the same
octets. Raises ``LabError`` for a directory or file that can't be written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from smtpguard.lab.capture.file import write_capture
from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.errors import LabError
from smtpguard.lab.eventlog.viewer import as_text
from smtpguard.lab.queue.fate import Fate, TimedAttempt
from smtpguard.lab.result import RunResult
from smtpguard.lab.telling.transcript import Said

_MARKS = frozenset(("result.json", "events.jsonl"))
_OURS = re.compile(
    r"result\.json|events\.jsonl|eventlog\.txt|conversation-[0-9]{2,}\.txt|(?:sent|received|ndr|delay)-[0-9]+\.eml|"
    r"received-[0-9]+\.blob|(?:sender-firewall|firewall-receiver|sender-receiver)\.pcap"
)


def write_out(result: RunResult, directory: Path, capture: Capture) -> None:
    """Write everything about ``result`` into ``directory``, which is made where missing; ``capture`` was its tap."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _clear(directory)
        for name, content in _files(result):
            (directory / name).write_bytes(content)
        _captures(result, directory, capture)
    except OSError as error:
        raise LabError(f"{error.filename or directory}: cannot be written: {error.strerror or error}") from None


def _clear(directory: Path) -> None:
    """Take away the files of an earlier run, and no others."""
    there = [path for path in directory.iterdir() if _OURS.fullmatch(path.name)]
    if {path.name for path in there} >= _MARKS:
        for path in there:
            path.unlink()


def _files(result: RunResult) -> Iterable[tuple[str, bytes]]:
    yield "result.json", f"{result.as_json()}\n".encode("ascii")
    yield "events.jsonl", "".join(f"{json.dumps(event.as_dict())}\n" for event in result.events).encode("ascii")
    yield "eventlog.txt", as_text(result.eventlog).encode("utf-8")
    for number, timed in enumerate(_attempts(result.fates), 1):
        yield f"conversation-{number:02}.txt", _transcript(timed.attempt.lines).encode("utf-8")
    for number, message in enumerate(result.messages, 1):
        yield f"sent-{number}.eml", message
    for number, stored in enumerate(result.mailbox, 1):
        yield f"received-{number}.eml", stored.content
        if stored.blob is not None:
            yield f"received-{number}.blob", stored.blob
    for number, ndr in enumerate((one for fate in result.fates for one in fate.ndrs), 1):
        yield f"ndr-{number}.eml", ndr.eml
    for number, delay in enumerate((one for fate in result.fates for one in fate.delays), 1):
        yield f"delay-{number}.eml", delay.eml


def _attempts(fates: Iterable[Fate]) -> list[TimedAttempt]:
    return sorted((timed for fate in fates for timed in fate.attempts), key=lambda timed: timed.began)


def _transcript(lines: Iterable[Said]) -> str:
    return "".join(f"{said.direction} {said.text}\n" for said in lines)


def _captures(result: RunResult, directory: Path, capture: Capture) -> None:
    start = result.scenario.start
    near = capture.connections("sender")
    if result.without_firewall:
        write_capture(directory / "sender-receiver.pcap", near, "sender", "receiver", start)
        return
    write_capture(directory / "sender-firewall.pcap", near, "sender", "firewall", start)
    far = capture.connections("receiver")
    write_capture(directory / "firewall-receiver.pcap", far, "firewall", "receiver", start)
