"""How often which rule would have acted on which peer: lines ``rule-tally`` beside the journal's own.

Counts what was observed and what a shadow said, from the summary that each session ends with: sessions that go on are
counted when they end. Lines are written every ``TALLY_SECONDS`` and at the end, one a rule and peer, and hold what was
counted since the last ones: whoever wants a total adds them up. At most ``MAX_PAIRS`` rules with peers are kept between
two writings; peers beyond that are counted together, as ``others``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

TALLY_SECONDS = 300.0
MAX_PAIRS = 10_000
OTHERS = "others"

Write = Callable[[str, dict[str, object]], None]
Later = Callable[[float, Callable[[], None]], object]


@dataclass(slots=True)
class _Count:
    decisions: int = 0
    sessions: int = 0


class RuleTally:
    """Stands before ``journal`` and passes on every record. ``later`` runs a function after so many seconds."""

    def __init__(self, journal: Write, later: Later, seconds: float = TALLY_SECONDS) -> None:
        self._journal = journal
        self._later = later
        self._seconds = seconds
        self._counts: dict[tuple[str, str, str, str], _Count] = {}

    def __call__(self, event: str, fields: dict[str, object]) -> None:
        """One record."""
        self._journal(event, fields)
        if event == "session":
            peer = _host(str(fields.get("client", "")))
            self._count(str(fields.get("policy", "")), "observe", fields.get("observed"), peer)
            shadow = fields.get("shadow")
            if isinstance(shadow, Mapping):
                self._count(str(shadow["policy"]), "shadow", shadow["verdicts"], peer)

    def write(self) -> None:
        """The lines, and start anew."""
        counts, self._counts = self._counts, {}
        for (policy, mode, rule, peer), count in counts.items():
            self._journal(
                "rule-tally",
                {
                    "policy": policy,
                    "mode": mode,
                    "rule": rule,
                    "client": peer,
                    "decisions": count.decisions,
                    "sessions": count.sessions,
                },
            )

    def _count(self, policy: str, mode: str, verdicts: object, peer: str) -> None:
        if not isinstance(verdicts, Mapping):
            return
        for rule, decisions in verdicts.items():
            if not self._counts:
                self._later(self._seconds, self.write)
            key = policy, mode, str(rule), peer
            if key not in self._counts and len(self._counts) >= MAX_PAIRS:
                key = policy, mode, str(rule), OTHERS
            count = self._counts.setdefault(key, _Count())
            count.decisions += int(decisions)
            count.sessions += 1


def _host(address: str) -> str:
    """``192.0.2.7`` of ``192.0.2.7:1234``, ``2001:db8::1`` of ``[2001:db8::1]:1234``."""
    return address.rpartition(":")[0].strip("[]")
