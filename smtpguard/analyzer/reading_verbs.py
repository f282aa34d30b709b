"""Readers of what became of verbs: unknown ones, those of the extensions, those of plain SMTP. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smtpguard.analyzer.findings import Confidence
from smtpguard.analyzer.probe_bdat import CHUNK
from smtpguard.analyzer.probe_extensions import EXTENSION_VERBS, VERBS
from smtpguard.analyzer.probe_lengths import CAPPED, LENGTHS
from smtpguard.analyzer.probe_starttls import STARTTLS
from smtpguard.analyzer.probe_typing import TYPED
from smtpguard.analyzer.probe_verbs import TRIES, UNKNOWN_VERBS
from smtpguard.analyzer.probe_xexch50 import BLOB
from smtpguard.analyzer.reading import View, plain
from smtpguard.analyzer.steps import Step
from smtpguard.analyzer.systems import unknown_verb_words
from smtpguard.analyzer.traces import Trace

_PLAIN_STEPS = ("EHLO", "HELO", "MAIL", "RCPT", "DATA", "message", "NOOP", "HELO again")
# Keyword, the session and the step that tried its verb, and the codes that show that the verb is known.
_TRIED: tuple[tuple[str, str, str, frozenset[int]], ...] = (
    ("CHUNKING", CHUNK, "chunk", frozenset({250, 551})),  # 551: Postfix, which takes no empty chunk
    ("XEXCH50", BLOB, "XEXCH50", frozenset({354, 504, 505})),
    ("STARTTLS", STARTTLS, "STARTTLS", frozenset({220})),
    *((keyword, EXTENSION_VERBS, verb, frozenset({214, 250, 252, 334, 501})) for verb, keyword in VERBS.items()),
)
# XEXCH50's argument, its place and who sends it may be refused without the verb being so (KB843106: 504, 505).
_ASKS_FOR_MORE = frozenset({501, 503, 504, 505, 530, 535})
# Of the lines that are long for some box, the verb. RSET is said between them and is not.
_LONG = {name: line[:4].decode("ascii") for name, line in CAPPED if line.rstrip() != b"RSET"}
_VERB_OF = {"CHUNKING": "BDAT"}
# The guard puts the id of the rule that answers behind its text (inspection.wording).
_RULE = re.compile(r" \[([a-z0-9]+(?:-[a-z0-9]+)+)\]$")
_UNNAMED = {"other", "unknown"}


def read_unknown_verbs(view: View) -> Iterator[Trace]:
    """Who answers, in which words, and after how many the connection ends."""
    steps = view.sessions.get(UNKNOWN_VERBS, ())
    tries = [step for step in steps if step.name.startswith("unknown verb")]
    if not tries:
        return
    first = tries[0]
    if first.failure == "closed":
        detail = f"an unknown verb: {first.outcome}"
        yield Trace("unknown-verb-closed", answer=first.outcome, detail=detail, step=first)
    elif first.failure:
        yield Trace("unknown-verb-silent", step=first)
    else:
        yield from _answer(view, first)
    last = tries[-1]
    ended = next((step for step in tries if step.code == 421 or step.failure == "closed"), None)
    if ended is None and len(tries) == TRIES:
        return
    if ended is not None and ended is not first:
        number = last.name.rpartition(" ")[2]
        detail = f"the connection ends at unknown verb {number}: {ended.outcome}"
        yield Trace("bad-command-limit", number, ended.outcome, detail, step=ended)


def _answer(view: View, step: Step) -> Iterator[Trace]:
    answer = step.last_line
    yield Trace("unknown-verb", str(step.code), answer, step=step)
    if step.code < 400:
        yield Trace("unknown-verb-accepted", answer=answer, detail=f"an unknown verb is answered {answer}", step=step)
        return
    words = unknown_verb_words(view.classified)
    if words is not None and not words.search(answer):
        who = view.classified.name or view.classified.system.title
        detail = f"an unknown verb is answered {answer}, which are not the words of {who}"
        yield Trace("unknown-verb-rewritten", answer=answer, detail=detail, confidence="likely", step=step)


def read_extensions(view: View) -> Iterator[Trace]:
    """Listed and refused; not listed and known; asked and not answered."""
    system = view.classified.system
    # Of a server that does not say what it is nobody knows what it lists. VRFY, which all must have (RFC 5321 4.5.1),
    # stands in few lists: Exim answers it 252 unlisted.
    expected = set() if system.id in _UNNAMED else {*system.defaults, *system.wanted}
    for keyword, title, name, known in _TRIED:
        step = view.step(title, name)
        if step is None:
            continue
        verb = _VERB_OF.get(keyword, keyword)
        listed = view.ehlo.has(keyword)
        if step.failure and keyword == "CHUNKING" and listed:
            continue  # the octets behind it may be what was lost: ``reading_payloads``
        if step.failure in ("closed", "silent"):
            kind = "verb-closed" if step.failure == "closed" else "verb-silent"
            yield Trace(kind, verb, step.outcome, f"{verb}: {step.outcome}", step=step)
        elif not step.failure:
            yield Trace("verb-answer", verb, step.last_line, step=step)
            if listed and keyword != "STARTTLS" and _is_refusal(view, keyword, step):
                detail = f"{keyword} is listed, and {verb} is answered {step.last_line}"
                yield Trace("verb-refused", verb, step.last_line, detail, "likely", step)
            if not listed and step.code in known and plain(step) != view.unknown_answer:
                detail = f"{keyword} is not listed, and {verb} is answered {step.last_line}"
                yield Trace("keyword-hidden", keyword, step.last_line, detail, _sure(keyword, expected), step)


def _is_refusal(view: View, keyword: str, step: Step) -> bool:
    if keyword == "CHUNKING":
        return step.code != 250
    if keyword == "XEXCH50":
        return step.code >= 500 and step.code not in _ASKS_FOR_MORE
    return view.refused(step)


def _sure(keyword: str, expected: set[str]) -> Confidence:
    """A verb that does its work unlisted was taken off the list; one that only asks for arguments may just be known."""
    if keyword in ("CHUNKING", "XEXCH50", "STARTTLS"):
        return "certain"
    return "likely" if keyword in expected or keyword.startswith("X-") else "possible"


def read_absent(view: View) -> Iterator[Trace]:
    """Default keywords of the system that are neither listed nor known."""
    system = view.classified.system
    if system.id in _UNNAMED or not view.ehlo.given or not view.ehlo.texts:
        return
    hidden = {trace.of for trace in read_extensions(view) if trace.kind == "keyword-hidden"}
    for keyword in (*system.defaults, *system.wanted):
        if not view.ehlo.has(keyword) and keyword not in hidden:
            yield Trace("keyword-absent", keyword, confidence="possible")


def read_guard(view: View) -> Iterator[Trace]:
    """Answers of a guard of our own kind: a rule's id in brackets behind the text. Each rule once."""
    told: set[str] = set()
    for steps in view.sessions.values():
        for step in steps:
            found = _RULE.search(step.last_line) if step.code >= 400 else None
            if found is not None and found[1] not in told:
                told.add(found[1])
                detail = f"the rule {found[1]} of a smtpguard answers {step.name}: {step.last_line}"
                yield Trace("guard-answer", found[1], step.last_line, detail, "likely", step)


def read_plain_steps(view: View) -> Iterator[Trace]:
    """Steps of plain SMTP that ended the connection, or were never answered. Each step once."""
    told: set[str] = set()
    for title, steps in view.sessions.items():
        for step in steps:
            if step.name not in _PLAIN_STEPS or step.name in told:
                continue
            ended = step.failure == "closed" or step.code == 421
            if ended or step.failure == "silent":
                told.add(step.name)
                kind = "early-close" if ended else "reply-lost"
                yield Trace(kind, step.name, step.last_line, f"{step.name}: {step.outcome} ({title})", "likely", step)


def read_typing(view: View) -> Iterator[Trace]:
    """A command that is not known when it is typed, and is known whole."""
    for verb, whole in (("HELO", "HELO again"), ("NOOP", "NOOP")):
        typed, sample = view.step(TYPED, f"typed {verb}"), view.step(UNKNOWN_VERBS, whole)
        if typed is not None and sample is not None and sample.accepted and not typed.accepted:
            detail = f"{verb} typed octet by octet: {typed.outcome}; sent whole: {sample.last_line}"
            yield Trace("segment-matching", answer=typed.last_line, detail=detail, step=typed)
            return


def read_lengths(view: View) -> Iterator[Trace]:
    """The line at which the session ended, if its length ended it: the same verb is taken elsewhere, and so far on."""
    for name, verb in _LONG.items():
        step = view.step(LENGTHS, name)
        if step is not None and _is_over(step) and not _ends_anyway(view, verb, step):
            detail = f"{name}: {step.outcome}"
            yield Trace("length-limit", name, step.last_line, detail, "likely", step)


def _is_over(step: Step) -> bool:
    return step.failure in ("closed", "silent") or step.code == 421


def _ends_anyway(view: View, verb: str, long: Step) -> bool:
    """Whether plain steps end sessions too: those of the same verb, or any after as many commands or fewer."""
    place = _place(view.sessions[LENGTHS], long)
    return any(
        step.name == verb or _place(steps, step) <= place
        for title, steps in view.sessions.items()
        for step in steps
        if title != LENGTHS and step.name in _PLAIN_STEPS and _is_over(step)
    )


def _place(steps: tuple[Step, ...], step: Step) -> int:
    """Which command of its session ``step`` is."""
    return sum(bool(each.sent) for each in steps[: steps.index(step) + 1])
