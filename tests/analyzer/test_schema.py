"""The published schema: every kind of report keeps it, and it knows every key that a report has."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from smtpguard.analyzer.findings import Analysis
from smtpguard.analyzer.report_json import as_json, schema
from tests.analyzer import made
from tests.analyzer.analyzing import compared, of_profile, of_server
from tests.lab.hosts import script

ANALYSES = {
    "clean": lambda: of_profile("exchange-2003").analysis,
    "no message": lambda: of_profile("exchange-2003", message=False).analysis,
    "behind a box": lambda: of_profile("exchange-2003", "antivirus-stack").analysis,
    "silent": lambda: of_profile("exchange-2003", "bdat-eater").analysis,
    "the path doctor's": made.analysis,
    "from two places": lambda: compared("exchange-2003", "strip-xexch50").analysis,
    "untested": lambda: of_server(script(b"SSH-2.0\r\n")).analysis,
    "hostile": lambda: of_server(script(made.HOSTILE, b"999 \xff\r\n", b"1\r\n")).analysis,
}


def strict(part: Any) -> Any:
    """The schema as it is kept here: no key that it does not name."""
    if isinstance(part, dict):
        return {key: strict(value) for key, value in part.items()} | (
            {"additionalProperties": False} if "properties" in part else {}
        )
    return [strict(one) for one in part] if isinstance(part, list) else part


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(json.loads(schema()))


@pytest.mark.parametrize("kind", ANALYSES)
def test_every_kind_of_report_keeps_it(kind: str) -> None:
    analysis: Analysis = ANALYSES[kind]()
    report = json.loads(as_json(analysis))
    Draft202012Validator(strict(json.loads(schema()))).validate(report)


def test_a_report_without_a_key_or_with_a_wrong_value_does_not() -> None:
    report = json.loads(as_json(made.analysis()))
    validator = Draft202012Validator(json.loads(schema()))
    for key in report:
        broken = {name: value for name, value in report.items() if name != key}
        assert not validator.is_valid(broken), key
    for path, value in ((("exit_status",), 4), (("findings", 0, "severity"), "bad"), (("sessions", 0, "title"), None)):
        broken = copy.deepcopy(report)
        place: Any = broken
        for part in path[:-1]:
            place = place[part]
        place[path[-1]] = value
        assert not validator.is_valid(broken), path
