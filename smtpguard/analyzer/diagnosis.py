"""The probes judged: traces, a check for each rule of ``symptoms.yaml``, and the boxes that they point at. Pure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from smtpguard.analyzer.acceptance_sessions import ACCEPTANCE
from smtpguard.analyzer.comparing import Sessions, differences, lost_keywords
from smtpguard.analyzer.ehlo import Ehlo, read_ehlo
from smtpguard.analyzer.findings import Check, Confidence, Difference, Suspect, Verdict
from smtpguard.analyzer.naming import name_boxes
from smtpguard.analyzer.probe_bdat import CHUNK, OUT_OF_TURN
from smtpguard.analyzer.probe_ending import ENDING
from smtpguard.analyzer.probe_lengths import LENGTHS
from smtpguard.analyzer.probe_security import STRANGER
from smtpguard.analyzer.probe_starttls import STARTTLS
from smtpguard.analyzer.probe_typing import TYPED
from smtpguard.analyzer.probe_verbs import UNKNOWN_VERBS
from smtpguard.analyzer.probe_xexch50 import BLOB as XEXCH50
from smtpguard.analyzer.reading import Reader, View
from smtpguard.analyzer.reading_list import read_banner, read_hello, read_list
from smtpguard.analyzer.reading_payloads import read_bdat, read_blob, read_ending, read_starttls, read_stranger
from smtpguard.analyzer.reading_verbs import (
    read_absent,
    read_extensions,
    read_guard,
    read_lengths,
    read_plain_steps,
    read_typing,
    read_unknown_verbs,
)
from smtpguard.analyzer.rules import Rule, symptoms
from smtpguard.analyzer.steps import Step, named
from smtpguard.analyzer.systems import Classified, classify
from smtpguard.analyzer.traces import HINTS, Trace

READERS: tuple[Reader, ...] = (
    read_banner,
    read_list,
    read_hello,
    read_unknown_verbs,
    read_extensions,
    read_absent,
    read_plain_steps,
    read_guard,
    read_typing,
    read_lengths,
    read_bdat,
    read_blob,
    read_ending,
    read_starttls,
    read_stranger,
)

# The step that has to have been tried before a rule can be said to have passed; the others need only the list.
_SHOWN_BY = {
    "keyword-hidden": (XEXCH50, "XEXCH50"),
    "ehlo-as-helo": (UNKNOWN_VERBS, "NOOP"),
    "ehlo-as-noop": (UNKNOWN_VERBS, "NOOP"),
    "ehlo-as-unknown": (UNKNOWN_VERBS, "unknown verb 1"),
    "unknown-verb-rewritten": (UNKNOWN_VERBS, "unknown verb 1"),
    "unknown-verb-accepted": (UNKNOWN_VERBS, "unknown verb 1"),
    "unknown-verb-closed": (UNKNOWN_VERBS, "unknown verb 1"),
    "unknown-verb-silent": (UNKNOWN_VERBS, "unknown verb 1"),
    "verb-refused": (XEXCH50, "XEXCH50"),
    "verb-closed": (XEXCH50, "XEXCH50"),
    "verb-silent": (XEXCH50, "XEXCH50"),
    "segment-matching": (TYPED, "typed HELO"),
    "split-end-lost": (ENDING, "message in two segments"),
    "length-limit": (LENGTHS, "line of 520 octets"),
    "bdat-eaten": (CHUNK, "chunk"),
    "bdat-as-commands": (CHUNK, "chunk"),
    "bdat-liar": (OUT_OF_TURN, "chunk without MAIL"),
    "blob-eaten": (XEXCH50, "blob"),
    "blob-by-lines": (XEXCH50, "blob"),
    "blob-as-commands": (XEXCH50, "blob"),
    "starttls-refused": (STARTTLS, "STARTTLS"),
    "starttls-broken": (STARTTLS, "TLS handshake"),
    "stranger-may-xexch50": (STRANGER, "XEXCH50 2 2"),
}
CHANGED = "changed-on-the-way"
_COMPARED = frozenset({CHANGED, "keyword-lost"})  # rules that want a second vantage point
_TOLD = 5  # differences in the finding; the comparison has them all
_ORDER: tuple[Confidence, ...] = ("certain", "likely", "possible")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the probes say. ``traces``: everything that was read, hints too."""

    traces: tuple[Trace, ...] = ()
    checks: tuple[Check, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    differences: tuple[Difference, ...] = ()


def diagnose(
    sessions: Sessions, steps: tuple[Step, ...], ehlo: Ehlo, classified: Classified, past: Sessions | None = None
) -> Diagnosis:
    """Read ``sessions``; ``steps`` are those of the acceptance test, ``past`` what was held past the box.

    What is seen past the box too is the server's own doing: it is told, and no box is named for it.
    """
    traces = _read(View(sessions, steps, ehlo, classified))
    own: set[tuple[str, str]] = set()
    if past is not None:
        own = {(trace.kind, trace.of) for trace in _read(_view(past)) if trace.kind not in HINTS}
        traces = (*(_owned(trace, own) for trace in traces), *lost_keywords(sessions, past))
    changed = differences(sessions, past) if past is not None else ()
    checks = tuple(
        Check(rule, _changed(changed) if rule.id == CHANGED else _verdict(rule, traces, sessions))
        for rule in symptoms()
        if past is not None or rule.id not in _COMPARED
    )
    suspects = name_boxes([trace for trace in traces if (trace.kind, trace.of) not in own])
    return Diagnosis(traces, checks, suspects, changed)


def _read(view: View) -> tuple[Trace, ...]:
    return tuple(trace for read in READERS for trace in read(view))


def _view(sessions: Sessions) -> View:
    steps = sessions.get(ACCEPTANCE, ())
    banner, ehlo = named(steps, "banner"), read_ehlo(named(steps, "EHLO"))
    return View(sessions, steps, ehlo, classify(banner.last_line if banner is not None else "", ehlo))


def _owned(trace: Trace, own: Set[tuple[str, str]]) -> Trace:
    if (trace.kind, trace.of) not in own:
        return trace
    return replace(trace, detail=f"{trace.words} (so it is past the box: the server's own doing)")


def _changed(found: Sequence[Difference]) -> Verdict:
    if not found:
        return Verdict("passed", "both vantage points hear the same")
    what = "; ".join(f"{one.what}: {one.detail}" if ": " in one.what else one.detail for one in found[:_TOLD])
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return Verdict("found", f"{len(found)} difference{'' if len(found) == 1 else 's'}: {what}{more}", None, "certain")


def _verdict(rule: Rule, traces: Sequence[Trace], sessions: Sessions) -> Verdict:
    found = [trace for trace in traces if trace.kind == rule.id]
    if found:
        confidence = min((trace.confidence for trace in found), key=_ORDER.index)
        return Verdict("found", "; ".join(trace.words for trace in found), found[0].step, confidence)
    title, name = _SHOWN_BY.get(rule.id, ("", ""))
    if not title or named(sessions.get(title, ()), name) is not None:
        return Verdict("passed", "not seen")
    steps = [step for step in sessions.get(title, ()) if step.name not in ("RSET", "QUIT")]
    if not steps:
        return Verdict("not-tested", "its probe did not run")
    return Verdict("not-tested", f"its probe ended at {steps[-1].name}: {steps[-1].outcome}")
