"""The one error of the benchmark: its text is the line that the user reads before exit status 2."""

from __future__ import annotations


class BenchError(Exception):
    """Something that makes a measurement impossible; says what, where and what to do."""
