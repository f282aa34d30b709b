"""Which aims a run can judge, and when they are met."""

from __future__ import annotations

import pytest

from bench.inspector import OTHERS
from bench.run import OTHERS_AIM, aims


def inspected(ratio: float) -> dict[str, object]:
    boxes = {"pass": {"ratios": {"pass": 1.0}}, OTHERS: {"ratios": {"pass": ratio}}}
    return {"inspector": {"sessions": {"boxes": boxes}}}


@pytest.mark.parametrize(("ratio", "met"), [(0.97, True), (OTHERS_AIM, True), (1.2, False)])
def test_rules_for_other_verbs_cost_nothing(ratio: float, met: bool) -> None:
    [aim] = aims(inspected(ratio))
    assert OTHERS in aim["aim"]
    assert (aim["ratio"], aim["limit"], aim["met"]) == (ratio, OTHERS_AIM, met)


def test_what_was_not_measured_is_not_judged() -> None:
    assert aims({}) == []
