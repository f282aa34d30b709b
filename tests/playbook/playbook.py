"""A test that reads as the conversation it tests.

    assert (
        Playbook(inspector("strip-xexch50"))
        >> S(b"220 mx ESMTP\\r\\n")            << to_client(b"220 mx ESMTP\\r\\n")
        >> C(b"EHLO a.example\\r\\n")          << to_server(b"EHLO a.example\\r\\n")
    )

Contract: ``>>`` begins a step, ``<<`` says what that step must bring; ``<<`` before the first ``>>`` is what the
accepted connection itself brings. Nothing runs until the playbook is asserted. Then it runs once under every slicing,
each time with a fresh Inspector. Within a step, the octets towards a side are compared merged; a step that names none
must send none. Closing, resetting, tunnelling and finishing must all be named. Records must come in the order in which
they are named; others are ignored unless the playbook is ``strict()``. Pauses are honoured, and compared only where
asked for. Whatever the playbook names, all slicings must bring the same octets, records and marks, step by step.

Fails with an AssertionError that holds the whole transcript as a diff, an exception of the Inspector inline. A playbook
that nobody asserts is a ResourceWarning, which the test run makes an error.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

from tests.playbook.runner import Inspects, Outcome, Shell
from tests.playbook.slicing import SLICINGS, Slicing
from tests.playbook.steps import Expected, Input
from tests.playbook.transcript import Comparison, diff, input_lines, outcome_lines

Factory = Callable[[], Inspects]


class Playbook:
    """``factory`` makes a fresh Inspector for each run; ``slicings`` are the ways in which the octets are cut."""

    def __init__(self, factory: Factory, slicings: Mapping[str, Slicing] = SLICINGS) -> None:
        self._factory = factory
        self._slicings = slicings
        self._steps: list[tuple[Input | None, list[Expected]]] = [(None, [])]
        self._strict = False
        self._asserted = False

    def __rshift__(self, what: Input) -> Playbook:
        self._steps.append((what, []))
        return self

    def __lshift__(self, expected: Expected) -> Playbook:
        self._steps[-1][1].append(expected)
        return self

    def strict(self) -> Playbook:
        """From here on every record must be named."""
        self._strict = True
        return self

    def in_one_read(self) -> Playbook:
        """Run it once, each feed read at once: for what is known to depend on how much had come."""
        self._slicings = {"whole": SLICINGS["whole"]}
        return self

    @property
    def inputs(self) -> list[Input]:
        """What is fed, for benchmarks and for other ways to run the same conversation."""
        return [what for what, _ in self._steps if what is not None]

    def __bool__(self) -> bool:
        self._asserted = True
        first: tuple[str, list[Outcome]] | None = None
        for name, slicing in self._slicings.items():
            outcomes = self._run(slicing)
            self._compare(name, outcomes)
            if first is None:
                first = name, outcomes
            else:
                self._agree(*first, name, outcomes)
        return True

    def __del__(self) -> None:
        if not self._asserted and len(self._steps) > 1:
            warnings.warn("a playbook was written and never asserted", ResourceWarning, stacklevel=2)

    def _run(self, slicing: Slicing) -> list[Outcome]:
        shell = Shell(self._factory(), slicing)
        return [shell.start() if what is None else shell.step(what) for what, _ in self._steps]

    def _compare(self, name: str, outcomes: list[Outcome]) -> None:
        steps = [
            Comparison(what, expected, outcome, strict=self._strict)
            for (what, expected), outcome in zip(self._steps, outcomes, strict=True)
        ]
        if all(step.equal for step in steps):
            return
        wanted = [line for step in steps for line in step.expected]
        seen = [line for step in steps for line in step.seen]
        raise AssertionError("\n".join([f"slicing {name}: the conversation went another way", *diff(wanted, seen)]))

    def _agree(self, name_a: str, a: list[Outcome], name_b: str, b: list[Outcome]) -> None:
        if all(one.comparable() == two.comparable() for one, two in zip(a, b, strict=True)):
            return
        texts: tuple[list[str], list[str]] = ([], [])
        for (what, _), *pair in zip(self._steps, a, b, strict=True):
            for text, outcome in zip(texts, pair, strict=True):
                text += input_lines(what) + outcome_lines(outcome)
        raise AssertionError("\n".join([f"slicing {name_b} (+) differs from {name_a} (-)", *diff(*texts)]))
