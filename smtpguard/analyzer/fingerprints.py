"""Fingerprints: which traces the wire bears where a persona stands in the path. Data beside the personas.

Each file of ``policies/fingerprints/`` is about one persona. A mark names a kind of trace (``analyzer.traces``) and may
narrow it: ``keyword-hidden:XEXCH50`` by a glob over what the trace is of, ``unknown-verb ~ ^500 #5`` by a regular
expression found in the answer, or both. ``name_boxes`` finds who fits. Pure but for reading the files, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from functools import cache, cached_property

from pydantic import BaseModel, ConfigDict, Field, field_validator

from smtpguard.analyzer.traces import HINTS, TRACES, Trace
from smtpguard.policy import library
from smtpguard.policy.loader import read_document

FOLDER = "fingerprints"
_MARK = re.compile(r"([a-z0-9-]+)(?::([^ ]+))?(?: ~ (.+))?")


class Mark:
    """One mark of a fingerprint; raises ``ValueError`` where it can't be read."""

    def __init__(self, text: str) -> None:
        match = _MARK.fullmatch(text)
        if match is None or match[1] not in TRACES:
            raise ValueError(f"{text!r} is no mark: KIND, KIND:GLOB or KIND ~ REGEX, with a kind of analyzer.traces")
        self.text = text
        self._kind, self._of = match[1], match[2] or "*"
        self._answer = re.compile(match[3] or "")

    def fits(self, trace: Trace) -> bool:
        """Whether ``trace`` is what the mark says."""
        return (
            trace.kind == self._kind
            and fnmatchcase(trace.of, self._of)
            and self._answer.search(trace.answer) is not None
        )

    def found(self, traces: Iterable[Trace]) -> list[Trace]:
        """The traces that fit."""
        return [trace for trace in traces if self.fits(trace)]


class Fingerprint(BaseModel):
    """``policy``: the persona. It fits where ``all`` marks are there, one of each of ``any``, and none of ``none``.

    ``explains``: further traces that it leaves. ``same``: personas that nobody could tell from it from outside, and
    ``same_because`` why. ``traceless``: why it leaves nothing that could tell it from no box at all; no marks then.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    policy: str
    box: str
    source: str
    all: tuple[str, ...] = ()
    any: tuple[tuple[str, ...], ...] = ()
    none: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    same_because: str = Field("", alias="same-because")
    traceless: str = ""
    cures: tuple[str, ...] = ()

    @field_validator("all", "none", "explains")
    @classmethod
    def _readable(cls, marks: tuple[str, ...]) -> tuple[str, ...]:
        for mark in marks:
            Mark(mark)  # raises ValueError
        return marks

    @field_validator("any")
    @classmethod
    def _groups_readable(cls, groups: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for group in groups:
            cls._readable(group)
        return groups

    @cached_property
    def _marks(self) -> dict[str, list[Mark]]:
        return {name: [Mark(text) for text in getattr(self, name)] for name in ("all", "none", "explains")}

    @cached_property
    def _groups(self) -> list[list[Mark]]:
        return [[Mark(text) for text in group] for group in self.any]

    def match(self, traces: Sequence[Trace]) -> tuple[list[Trace], list[Trace]] | None:
        """The traces that it fits by, and those that it explains besides; None where it does not fit."""
        if self.traceless or any(mark.found(traces) for mark in self._marks["none"]):
            return None
        demanded = [mark.found(traces) for mark in self._marks["all"]]
        groups = [[trace for mark in group for trace in mark.found(traces)] for group in self._groups]
        if not all(demanded) or not all(groups):
            return None
        by = list(dict.fromkeys(trace for found in (*demanded, *groups) for trace in found))
        explained = (trace for mark in self._marks["explains"] for trace in mark.found(traces))
        return by, [trace for trace in dict.fromkeys(explained) if trace not in by]

    @property
    def demands(self) -> int:
        """How much it asks for: the more, the more it says when it fits."""
        return len(self.all) + len(self.any) + len(self.none)


@cache
def fingerprints() -> tuple[Fingerprint, ...]:
    """Every fingerprint that comes with smtpguard, by the name of its persona."""
    files = sorted((library.folder() / FOLDER).glob(f"*{library.SUFFIX}"))
    return tuple(Fingerprint.model_validate(read_document(path).value) for path in files)


def best(traces: Sequence[Trace], among: Sequence[Fingerprint]) -> tuple[Fingerprint, list[Trace], list[Trace]] | None:
    """The fingerprint that explains the most symptoms, of those the one that demands the most; None where none fits.

    With it the traces that it fits by, and those that it explains besides.
    """
    fitting = [(one, *found) for one in among if (found := one.match(traces)) is not None]
    if not fitting:
        return None
    return max(fitting, key=lambda fit: (_symptoms((*fit[1], *fit[2])), fit[0].demands))


def _symptoms(traces: Iterable[Trace]) -> int:
    return sum(trace.kind not in HINTS for trace in traces)
