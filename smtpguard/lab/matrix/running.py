"""The matrix: many short runs side by side in processes of their own, each told in a handful of words.

A run spends most of its real time in short waits for the loopback network, so more processes than cores are worth
having. Results come back in the order of the cells, whatever process was first; the same cells give the same results.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context

from smtpguard.lab.matrix.axes import Cell
from smtpguard.lab.matrix.cause import cause
from smtpguard.lab.message import sample
from smtpguard.lab.result import RunResult
from smtpguard.lab.run import run_scenario
from smtpguard.lab.scenario.ending import Outcome

_PROCESSES_A_CORE = 2

Advance = Callable[[], None]


@dataclass(frozen=True, slots=True)
class CellResult:
    """``step``: of KB818222, the one that failed in the last attempt; ``cause``: why, in a word; empty: nothing odd."""

    sender: str
    firewall: str
    receiver: str
    outcome: Outcome
    attempts: int
    step: int | None
    cause: str
    unmet: tuple[str, ...]

    def as_dict(self) -> dict[str, object]:
        """The cell for JSON."""
        return asdict(self) | {"unmet": list(self.unmet)}


@dataclass(frozen=True, slots=True)
class RowResult:
    """One outcome of KB818222: what the scenario expects and what was seen."""

    row: int
    scenario: str
    title: str
    expected: Outcome
    seen: CellResult

    @property
    def as_expected(self) -> bool:
        """Whether the run showed what the row says."""
        return not self.seen.unmet

    def as_dict(self) -> dict[str, object]:
        """The row for JSON."""
        return {
            "row": self.row,
            "scenario": self.scenario,
            "title": self.title,
            "expected": self.expected,
            "seen": self.seen.outcome,
            "as_expected": self.as_expected,
            **{key: value for key, value in self.seen.as_dict().items() if key != "outcome"},
        }


@dataclass(frozen=True, slots=True)
class Matrix:
    """The twelve rows, and the cells."""

    rows: tuple[RowResult, ...]
    cells: tuple[CellResult, ...]

    @property
    def as_expected(self) -> bool:
        """Whether every row ended as it should, and no cell called a message delivered that was not."""
        return all(row.as_expected for row in self.rows) and not any(cell.unmet for cell in self.cells)


def processes() -> int:
    """How many processes serve this machine best."""
    return _PROCESSES_A_CORE * len(os.sched_getaffinity(0))


def run_matrix(
    rows: Sequence[Cell], cells: Sequence[Cell], jobs: int | None = None, advance: Advance | None = None
) -> Matrix:
    """Run all of them in ``jobs`` processes (1: in this one); ``advance`` is called after each run."""
    results = _run_all((*rows, *cells), processes() if jobs is None else jobs, advance or (lambda: None))
    return Matrix(tuple(map(_row, rows, results)), tuple(results[len(rows) :]))


def _row(cell: Cell, result: CellResult) -> RowResult:
    scenario = cell.scenario
    expected = scenario.expected(cell.firewall)
    if scenario.row is None or expected is None:
        raise ValueError(f"{scenario.name} says no row, or nothing of its own firewall")
    return RowResult(scenario.row, scenario.name, scenario.title, expected.outcome, result)


def _run_all(cells: Sequence[Cell], jobs: int, advance: Advance) -> list[CellResult]:
    if jobs <= 1:
        return [_counted(run_cell(cell), advance) for cell in cells]
    # Spawned, not forked: rich's and the caller's threads must not be copied.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"))
    try:
        with _interrupts_kept_from_children():
            futures: list[Future[CellResult]] = [pool.submit(run_cell, cell) for cell in cells]
        for future in as_completed(futures):
            _counted(future.result(), advance)
        return [future.result() for future in futures]
    finally:
        pool.shutdown(cancel_futures=True)


def _counted(result: CellResult, advance: Advance) -> CellResult:
    advance()
    return result


@contextmanager
def _interrupts_kept_from_children() -> Iterator[None]:
    """Processes started in here never see Ctrl-C: one that died of it while it started would be waited for for ever.
    Ours is only put off."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_cell(cell: Cell) -> CellResult:
    """One run, with the sample message."""
    return tell(cell, run_scenario(cell.scenario, cell.firewall, sample()))


def tell(cell: Cell, result: RunResult) -> CellResult:
    """``result`` in a handful of words."""
    return CellResult(
        sender=cell.sender,
        firewall=cell.firewall,
        receiver=cell.receiver,
        outcome=result.outcome,
        attempts=len(result.fate.attempts),
        step=result.failed_step,
        cause=cause(result),
        unmet=result.unmet,
    )
