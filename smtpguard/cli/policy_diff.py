"""``smtpguard policy diff``: where two policies part, over recorded sessions.

Exit status 0 where they never do, 1 where they do, 2 for bad input.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from smtpguard.cli.errors import UsageError
from smtpguard.cli.formats import Format, FormatOption
from smtpguard.policy.inheritance import Policy
from smtpguard.policy.loader import read_policy
from smtpguard.progress import LongWork
from smtpguard.replay.captures import CaptureError, read_capture
from smtpguard.replay.differences import Contender, Decision, Parting, parting
from smtpguard.replay.replay import Place
from smtpguard.replay.transcripts import Transcript, TranscriptError, read_transcripts

EXIT_DIFFERENT = 1

_ENDED = {
    "cut": "longer than a transcript keeps",
    "tunnel": "opaque from some point on",
    "lost": "not followed to its end",
    "gap": "octets are missing in the capture",
}


def diff_policies(
    first: Annotated[str, typer.Argument(metavar="A", help="A policy: a name or a file, a variant behind a colon.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The policy to compare it with.")],
    journal: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A journal of `smtpguard serve --transcripts`; may be given again."),
    ] = None,
    capture: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A capture, pcap or pcapng; may be given again.")
    ] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Say for recorded sessions where two policies part.

    Example: smtpguard policy diff strip-xexch50 harden --journal guard.log

    Every session is judged under both policies, and the first decision that differs is shown. What passes and what is
    only recorded is no decision; the names of rules make no difference. Exit status: 0 they never part, 1 they do,
    2 bad input.
    """
    if not journal and not capture:
        raise UsageError("nothing to compare over: give a --journal or a --capture")
    contenders = Contender(_whole(first)), Contender(_whole(second))
    with LongWork("policy diff: reading the recordings"):
        sessions = [*_from_journals(journal or []), *_from_captures(capture or [])]
    found = list(_compared(*contenders, sessions))
    report = _report(*contenders, (first, second), sessions, found)
    if form is Format.JSON:
        typer.echo(json.dumps(report, indent=2))
    else:
        for line in _lines(report):
            typer.echo(line)
    if found:
        raise typer.Exit(EXIT_DIFFERENT)


def _whole(name: str) -> Policy:
    policy, problems = read_policy(name)
    if policy is None or problems:
        raise problems[0]
    return policy


def _from_journals(paths: list[Path]) -> Iterator[Transcript]:
    for path in paths:
        try:
            yield from read_transcripts(path)
        except TranscriptError as error:
            raise UsageError(str(error)) from error


def _from_captures(paths: list[Path]) -> Iterator[Transcript]:
    for path in paths:
        try:
            conversations = read_capture(path)
        except CaptureError as error:
            raise UsageError(str(error)) from error
        if not conversations:
            raise UsageError(f"{path}: no conversation in it")
        for number, conversation in enumerate(conversations, 1):
            yield Transcript(f"{path.name}:{number}", conversation, "gap" if conversation.gap else "")


def _compared(first: Contender, second: Contender, sessions: list[Transcript]) -> Iterator[tuple[Transcript, Parting]]:
    """Each session in which the two part, in their order."""
    with LongWork("policy diff", len(sessions)) as work:
        for number, session in enumerate(sessions, 1):
            work.show(f"policy diff: session {number} of {len(sessions)}", number)
            found = parting(first, second, session.conversation, number)
            if found is not None:
                yield session, found


def _report(
    first: Contender,
    second: Contender,
    given: tuple[str, str],
    sessions: list[Transcript],
    found: list[tuple[Transcript, Parting]],
) -> dict[str, Any]:
    return {
        "policies": list(given),
        "sessions": len(sessions),
        "alike": len(sessions) - len(found),
        "partings": [
            {
                "session": session.identity,
                "client": session.conversation.client.address,
                "command": part.place.commands,
                **dict((part.first or part.second or _NOTHING).facts),
                "first": _decision(part.first),
                "second": _decision(part.second),
            }
            for session, part in found
        ],
        "incomplete": [
            {"session": session.identity, "why": _ENDED.get(session.ended, session.ended)}
            for session in sessions
            if session.ended
        ],
        "not_judged": sorted({*first.blind_spots, *second.blind_spots}),
    }


_NOTHING = Decision(Place(0, 0), (), "pass", "")


def _decision(decision: Decision | None) -> dict[str, object] | None:
    if decision is None:
        return None
    fields = {} if isinstance(decision.does, str) else asdict(decision.does)
    return {"action": decision.action, "by": decision.by, "fields": fields}


# --- as text -------------------------------------------------------------------------------------------------------


def _lines(report: dict[str, Any]) -> Iterator[str]:
    for part in report["partings"]:
        yield f"session {part['session']} from {part['client'] or 'an unknown address'}, at {_place(part)}:"
        width = max(map(len, report["policies"]))
        for name, decision in zip(report["policies"], (part["first"], part["second"]), strict=True):
            yield f"  {name:<{width}}  {_does(decision)}"
    count, parted = report["sessions"], len(report["partings"])
    sessions = "1 session" if count == 1 else f"{count} sessions"
    yield f"{sessions} compared: {parted} part, {report['alike']} alike"
    for part in report["incomplete"]:
        yield f"session {part['session']}: compared as far as it is known: {part['why']}"
    if report["not_judged"]:
        yield f"rules that a recording can't judge (content, TCP segments, TLS): {', '.join(report['not_judged'])}"


def _place(part: dict[str, Any]) -> str:
    """``command 4, the payload of XEXCH50``; the connection itself comes before all commands."""
    where, verb = part.get("where", ""), part.get("verb", "")
    about = {
        "connect": "the connection",
        "greeting": "the greeting",
        "keyword": f"the keyword {part.get('keyword', '')} in the reply to {verb}",
        "command": verb,
        "reply": f"the reply {part.get('code', '')} to {verb}",
        "payload": f"the payload of {verb}",
        "line": f"a {part.get('section', '')} line of {verb}",
        "message": f"the end of the message, {part.get('code', '')} to {verb}",
        "violation": f"the violation {part.get('violation', '')}",
        "uncertain": f"the violation {part.get('violation', '')}, after which nothing is certain",
    }.get(str(where), f"{where} {verb}".strip())
    return about if part["command"] == 0 else f"command {part['command']}, {about}"


def _does(decision: dict[str, Any] | None) -> str:
    if decision is None:
        return "pass"
    said = [f"{name} {value}" for name, value in decision["fields"].items() if value not in (None, "", False)]
    return f"{decision['action']}{': ' + ', '.join(said) if said else ''} ({decision['by']})"
