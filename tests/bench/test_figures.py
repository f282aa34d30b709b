"""Medians and ratios."""

from __future__ import annotations

from bench.figures import ratio, table_of


def test_a_ratio_pairs_the_rounds_so_that_drift_cancels_out() -> None:
    drifting = {"bare": [1.0, 2.0, 4.0], "pass": [1.5, 3.0, 6.0]}
    assert ratio(drifting, "pass", "bare") == 1.5


def test_a_ratio_to_what_was_not_measured_is_none() -> None:
    assert ratio({"bare": [1.0]}, "bare", "haproxy") is None


def test_the_table_holds_median_extremes_and_ratios() -> None:
    samples = {"bare": [2.0, 1.0, 9.0], "pass": [4.0, 3.0, 9.0]}
    assert table_of(samples, ["bare"])["pass"] == {"median": 4.0, "low": 3.0, "high": 9.0, "ratios": {"bare": 2.0}}
