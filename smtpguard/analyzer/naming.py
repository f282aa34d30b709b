"""Who stands in the path: suspects from traces, by the fingerprints. Pure.

The first suspect is the persona that explains the most; what it leaves unexplained may be another box behind it or
before it, so the search goes on over the rest. Nobody is suspected where no fingerprint fits.
"""

from __future__ import annotations

from collections.abc import Sequence

from smtpguard.analyzer.findings import Confidence, Suspect
from smtpguard.analyzer.fingerprints import Fingerprint, best, fingerprints
from smtpguard.analyzer.traces import HINTS, Trace

_MOST = 3  # boxes in one path; ours
_ORDER: tuple[Confidence, ...] = ("certain", "likely", "possible")


def name_boxes(traces: Sequence[Trace]) -> tuple[Suspect, ...]:
    """The boxes whose personas explain ``traces``, the one that explains the most first."""
    suspects: list[Suspect] = []
    rest = list(traces)
    among = list(fingerprints())
    while len(suspects) < _MOST:
        found = best(rest, among)
        if found is None:
            break
        fingerprint, by, explained = found
        symptoms = [trace for trace in (*by, *explained) if trace.kind not in HINTS]
        if suspects and not symptoms:
            break
        suspects.append(_suspect(fingerprint, by, explained, first=not suspects))
        among.remove(fingerprint)
        rest = [trace for trace in rest if trace not in symptoms]
    return tuple(suspects)


def _suspect(fingerprint: Fingerprint, by: list[Trace], explained: list[Trace], *, first: bool) -> Suspect:
    sure: Confidence = max((trace.confidence for trace in by), key=_ORDER.index)
    return Suspect(
        policy=fingerprint.policy,
        box=fingerprint.box,
        confidence=sure if first else "possible",
        why=tuple(dict.fromkeys(trace.words for trace in (*by, *explained) if trace.kind != "listed")),
        cures=fingerprint.cures,
        source=fingerprint.source,
        same=fingerprint.same,
    )
