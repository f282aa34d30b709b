"""The firewall of the lab: the real relay with a policy, between real sockets; its records become the lab's events.

Policies are those that ship, the user's own files, and those of ``lab/policies``, which make sense only here because
they tell networks apart by loopback addresses. Records name ports that the system picked; these are taken off, so
that the same run gives the same events. The id of the event that the imitated box logs is ``event_id``.
"""

from __future__ import annotations

from pathlib import Path

from smtpguard.lab import documents
from smtpguard.lab.events import EventLog
from smtpguard.policy import library
from smtpguard.policy.errors import PolicyError, suggestion
from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.guard import Guard

LOOPBACK = "127.0.0.1"

_ENDPOINTS = ("client", "server", "upstream")


def known_policies() -> list[str]:
    """The names that ``find_rulebook`` knows."""
    return sorted({*library.shipped(), *documents.names("policies")})


def find_rulebook(name_or_path: str) -> Rulebook:
    """The rulebook of a policy by its name or file, of a variant where one is named; raises ``PolicyError``."""
    word, variant = library.split(name_or_path)
    if word in documents.names("policies"):
        path = documents.folder("policies") / f"{word}.yaml"
        return load_policy(f"{path}:{variant}" if variant else str(path))
    is_name = "/" not in word and not Path(word).suffix
    if is_name and word not in known_policies() and not Path(word).exists():
        hint = suggestion(word, known_policies())
        words = "`smtpguard policy list` shows the names, none is no firewall at all"
        raise PolicyError(f"no policy is called '{word}'", hint=f"{hint} {words}".strip())
    return load_policy(name_or_path)


class Firewall:
    """Listens on ``listen`` and stands before ``upstream``, both address and port."""

    def __init__(
        self, rulebook: Rulebook, upstream: tuple[str, int], events: EventLog, listen: tuple[str, int] = (LOOPBACK, 0)
    ) -> None:
        self._events = events
        self._guard = Guard(rulebook, listen=listen, upstream=upstream, journal=self._record)

    async def start(self) -> None:
        """Listen; raises OSError where the port is taken."""
        await self._guard.start()

    @property
    def port(self) -> int:
        """Where it listens; only after ``start``."""
        return self._guard.port

    async def stop(self) -> None:
        """Stop; sessions still open are drained."""
        await self._guard.stop()

    def _record(self, event: str, fields: dict[str, object]) -> None:
        shown = {name: _without_port(value) if name in _ENDPOINTS else value for name, value in fields.items()}
        self._events.add("firewall", event, shown)


def _without_port(endpoint: object) -> object:
    if isinstance(endpoint, str) and endpoint.startswith("127."):
        return endpoint.partition(":")[0]
    return endpoint[0] if isinstance(endpoint, tuple | list) else endpoint
