"""How much of what a run does: rounds, shares of a round, limits of time.

The shares are sized so that a round of one box takes a fraction of a second and a default run well under 90 s on two
cores; fewer than five rounds make no median worth printing.
"""

from __future__ import annotations

from dataclasses import dataclass

PHASES = ("sessions", "bodies", "memory", "inspector")
MIN_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Plan:
    """Counts are a round and a box; octets are of content, seconds are wall time."""

    rounds: int = 9
    sessions: int = 300
    concurrency: int = 32
    message_octets: int = 4096
    bodies: int = 4
    body_octets: int = 20_000_000
    idle_sessions: int = 500
    inspector_sessions: int = 300
    phase_seconds: float = 25.0  # past it a phase stops after MIN_ROUNDS rounds
    step_seconds: float = 20.0  # a box that needs longer for its share of a round is taken for hung


QUICK = Plan(rounds=MIN_ROUNDS, sessions=40, bodies=1, body_octets=4_000_000, idle_sessions=100, inspector_sessions=50)
