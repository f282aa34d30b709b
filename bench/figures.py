"""Medians and ratios of the samples of a run. No measuring and no printing here."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

Samples = dict[str, list[float]]
"""One cost a round, by box; position n of every list belongs to the same round."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The median over the rounds, and the lowest and highest of them."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, costs: Sequence[float]) -> Figure:
        return cls(statistics.median(costs), min(costs), max(costs))


def ratio(samples: Samples, box: str, reference: str) -> float | None:
    """``box`` to ``reference``: the median of the ratios of each round, in which slow drift cancels out.

    None where the reference was not measured.
    """
    if reference not in samples:
        return None
    return statistics.median(ours / theirs for ours, theirs in zip(samples[box], samples[reference], strict=True))


def table_of(samples: Samples, references: Sequence[str]) -> dict[str, dict[str, object]]:
    """Every box's figure and its ratio to each of ``references``, as plain values for JSON and for tables."""
    return {
        box: {**asdict(Figure.of(costs)), "ratios": {name: ratio(samples, box, name) for name in references}}
        for box, costs in samples.items()
    }
