"""The table of rules: Microsoft's titles to the letter, a judge for each trigger."""

from __future__ import annotations

from typing import get_args

import pytest

from smtpguard.analyzer.judges import JUDGES
from smtpguard.analyzer.rules import Trigger, rule_for_failure, rules
from smtpguard.analyzer.steps import NAMES, Failure

# Facts, section 7.
MICROSOFT = {
    "SMTP server does not support X-LINK2STATE verb": "warning",
    "The version of SMTP running does not support the XEXCH50 verb": "warning",
    "Mail acceptance failure": "error",
    "BDAT mail acceptance failure": "error",
    "SMTP banner is not the default": "warning",
    "Possible SMTP proxy detected": "error",
    "Default verbs disabled": "warning",
}


def test_titles_and_severities_are_microsofts() -> None:
    assert {rule.title: rule.severity for rule in rules() if rule.origin == "microsoft"} == MICROSOFT


def test_ids_are_unique() -> None:
    assert len({rule.id for rule in rules()}) == len(rules())


def test_each_rule_can_be_judged_and_explains_itself() -> None:
    for rule in rules():
        assert rule.trigger in JUDGES or rule.trigger in {"probe", "untestable"}
        assert rule.causes or rule.step_causes
        assert set(rule.step_causes) <= set(NAMES)
    assert set(JUDGES) == set(get_args(Trigger)) - {"probe", "untestable"}


@pytest.mark.parametrize("failure", [name for name in get_args(Failure) if name] + ["tls"])
def test_each_failure_that_stops_a_run_has_a_rule(failure: str) -> None:
    rule = rule_for_failure(failure)
    assert rule.severity == "untested"
    assert rule.trigger == "untestable"


def test_x_link2state_has_its_two_causes_and_remedies() -> None:
    rule = next(rule for rule in rules() if rule.keyword == "X-LINK2STATE")
    assert "xlsasink.dll" in rule.causes[0]
    assert "antivirus" in rule.causes[1]
    assert "Install Exchange" in rule.remedies[0]
    assert "antivirus" in rule.remedies[1]
    assert (len(rule.causes), len(rule.remedies)) == (2, 2)
