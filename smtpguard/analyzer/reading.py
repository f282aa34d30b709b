"""The probes' sessions read: which traces they show. Pure.

``View`` is what the readers share; each reader has one subject. Traces come in the order of ``READERS``, each once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from smtpguard.analyzer.ehlo import Ehlo
from smtpguard.analyzer.probe_verbs import UNKNOWN_VERBS
from smtpguard.analyzer.steps import Name, Step, named
from smtpguard.analyzer.systems import Classified
from smtpguard.analyzer.traces import Trace

# What changes from one session to the next: dates, addresses, ids, counts. Reply and enhanced codes stay.
_CODES = re.compile(r"\d{3}([ -]\d\.\d{1,3}\.\d{1,3})?\b")
_VARIABLE = re.compile(r"<[^>]*>|\[[^\]]*\]|\S*\d\S*")
# How servers say that they don't know a verb or don't do it.
_UNKNOWN_WORDS = re.compile(
    r"unrecogni[sz]ed|not recogni[sz]ed|unknown|not implemented|not supported|unsupported|invalid command",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class View:
    """What there is to read. ``sessions``: steps by title, those of the acceptance tests among them."""

    sessions: Mapping[str, tuple[Step, ...]]
    steps: tuple[Step, ...]
    ehlo: Ehlo
    classified: Classified

    def step(self, title: str, name: Name) -> Step | None:
        """One step of one session."""
        return named(self.sessions.get(title, ()), name)

    def refused(self, step: Step | None) -> bool:
        """Whether ``step`` was answered, and the answer is that of this server, or of any, to an unknown verb."""
        if step is None or step.failure or step.code < 500:
            return False
        return plain(step) == self.unknown_answer or bool(_UNKNOWN_WORDS.search(step.last_line))

    @cached_property
    def unknown_answer(self) -> str:
        """What is said to an unknown verb; empty when it was not tried."""
        step = self.step(UNKNOWN_VERBS, "unknown verb 1")
        return plain(step) if step is not None and not step.failure else ""


Reader = Callable[[View], Iterator[Trace]]


def plain(step: Step | None) -> str:
    """A reply without what changes from session to session: its last line, numbers and names as ``#``."""
    line = step.last_line if step is not None else ""
    codes = _CODES.match(line)
    begin = codes.end() if codes else 0
    return line[:begin] + _VARIABLE.sub("#", line[begin:])


def surplus(steps: tuple[Step, ...], behind: Name) -> int:
    """Replies that no command asked for, in the steps behind ``behind``."""
    place = next((number for number, step in enumerate(steps) if step.name == behind), len(steps))
    octets = b"".join(step.unasked + (step.received if step.name == "behind QUIT" else b"") for step in steps[place:])
    return sum(line[3:4] != b"-" for line in octets.splitlines())
