"""Two vantage points compared: what a box changes, step by step. Pure.

The same sessions were held through the box and past it. A banner, a keyword or a reply that differs is a difference,
but for what differs anyway: dates, addresses, ids and counts. In each session the first step that ended differently is
the last that is told, for the rest follows from it. A step that was said in other octets, or at one place only, is not
compared: no message goes past the box, and a chunk for a server that lists CHUNKING is another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from smtpguard.analyzer.acceptance_sessions import ACCEPTANCE, BDAT
from smtpguard.analyzer.ehlo import read_ehlo
from smtpguard.analyzer.findings import Difference
from smtpguard.analyzer.reading import plain
from smtpguard.analyzer.steps import Step, named
from smtpguard.analyzer.traces import Trace
from smtpguard.smtp.keywords import keyword_name, keyword_text

Sessions = Mapping[str, tuple[Step, ...]]
_TOLD_APART = ("connect", "banner", "EHLO")


def differences(through: Sessions, past: Sessions) -> tuple[Difference, ...]:
    """What changes on the way, the banner first."""
    ours, theirs = through.get(ACCEPTANCE, ()), past.get(ACCEPTANCE, ())
    found = [*_banner(ours, theirs), *_keywords(named(ours, "EHLO"), named(theirs, "EHLO"))]
    told: set[tuple[str, str]] = set()
    for title, steps in through.items():
        if title in past and title != BDAT:
            for one in _steps(title, steps, past[title]):
                # One change shows in every session that has the step, and at each of six tries: it is told once.
                key = (one.what.rpartition(": ")[2].rstrip(" 0123456789"), one.detail)
                if key not in told:
                    told.add(key)
                    found.append(one)
    return tuple(found)


def lost_keywords(through: Sessions, past: Sessions) -> tuple[Trace, ...]:
    """Traces of keywords that are listed past the box and neither listed nor overwritten through it."""
    step, other = named(through.get(ACCEPTANCE, ()), "EHLO"), named(past.get(ACCEPTANCE, ()), "EHLO")
    ours, theirs = read_ehlo(step), read_ehlo(other)
    if not ours.given:
        return ()
    return tuple(
        Trace("keyword-lost", name, detail=f"{name} is listed past the box, and not through it", step=step)
        for name in sorted(theirs.names - ours.names)
        if step is not None and other is not None and not _mask(step, other, name)
    )


def _banner(ours: tuple[Step, ...], theirs: tuple[Step, ...]) -> Iterator[Difference]:
    through, past = named(ours, "banner"), named(theirs, "banner")
    if through is not None and past is not None and plain(through) != plain(past):
        yield Difference("banner", "the banner is another", b"", past.received, through.received)


def _keywords(through: Step | None, past: Step | None) -> Iterator[Difference]:
    ours, theirs = read_ehlo(through), read_ehlo(past)
    if through is None or past is None or not theirs.given:
        return
    if not ours.given:
        yield Difference("EHLO", f"EHLO is refused through the box: {through.outcome}", through.sent, past.received,
                         through.received)  # fmt: skip
        return
    for name in _in_order(past):
        if ours.has(name):
            yield from _changed(name, through, past)
            continue
        mask = _mask(through, past, name)
        gone = f"the keyword {name} is {'overwritten: ' + mask if mask else 'gone'}"
        yield Difference(f"EHLO, {name}", gone, through.sent, _octets(past, name), mask.encode("ascii"))
    for name in _in_order(through):
        if not theirs.has(name) and name not in map(str.upper, ours.masked):
            detail = f"the keyword {name} is put in"
            yield Difference(f"EHLO, {name}", detail, through.sent, b"", _octets(through, name))


def _changed(name: str, through: Step, past: Step) -> Iterator[Difference]:
    if _octets(through, name) != _octets(past, name):
        detail = f"the line of {name} is another"
        yield Difference(f"EHLO, {name}", detail, through.sent, _octets(past, name), _octets(through, name))


def _steps(title: str, ours: tuple[Step, ...], theirs: tuple[Step, ...]) -> Iterator[Difference]:
    for through in ours:
        past = named(theirs, through.name)
        if through.name in _TOLD_APART or past is None or not _same_octets(through, past):
            continue
        if (through.code, through.failure, plain(through)) == (past.code, past.failure, plain(past)):
            continue
        detail = f"past the box: {past.outcome}; through it: {through.outcome}"
        yield Difference(f"{title}: {through.name}", detail, through.sent, past.received, through.received)
        if through.failure or past.failure or through.code // 100 != past.code // 100:
            return


def _same_octets(one: Step, other: Step) -> bool:
    """Whether both were asked the same; HELO and EHLO name our own address, which the route decides."""
    verb = one.sent[:5].upper()
    return one.sent == other.sent or (verb in (b"HELO ", b"EHLO ") and verb == other.sent[:5].upper())


def _in_order(step: Step) -> list[str]:
    listed = read_ehlo(step)
    names = (keyword_name(line) for line in step.reply.lines[1:])
    return [name for name in dict.fromkeys(names) if listed.has(name)]


def _mask(through: Step, past: Step, name: str) -> str:
    """The overwritten line that stands where ``name`` stood: at its place, or as long as it; empty for none."""
    masked = read_ehlo(through).masked
    ours, theirs = through.reply.lines[1:], past.reply.lines[1:]
    if len(ours) == len(theirs):
        place = next(number for number, line in enumerate(theirs) if keyword_name(line) == name)
        line = keyword_text(ours[place]).decode("latin-1")
        return line if line in masked else ""
    return read_ehlo(through).mask_for(_octets(past, name).decode("latin-1"))


def _octets(step: Step, name: str) -> bytes:
    """The text of the line of ``name``."""
    return next((keyword_text(line) for line in step.reply.lines[1:] if keyword_name(line) == name), b"")
