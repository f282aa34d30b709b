"""The JSON report: its keys are those that the documentation names."""

from __future__ import annotations

import json
import re
from pathlib import Path

from smtpguard.analyzer.report_json import as_json
from tests.analyzer.analyzing import of_profile, of_server
from tests.lab.hosts import script

DOCUMENTED = Path(__file__).parents[2] / "docs" / "analyzer.md"
TOP = [
    "version", "target", "route", "exit_status", "system", "ehlo", "acceptance", "contradiction", "findings",
    "suspects", "comparison", "checks", "sessions",
]  # fmt: skip


def test_keys_of_a_whole_analysis() -> None:
    report = json.loads(as_json(of_profile("exchange-2003", unregistered=["peexch50.dll"]).analysis))
    assert list(report) == TOP
    assert list(report["target"]) == ["host", "port", "address", "sender", "recipient", "message"]
    assert list(report["route"]) == ["name", "by", "exchangers", "tested"]
    assert list(report["system"]) == ["id", "title", "about", "name", "reasons"]
    assert list(report["ehlo"]) == ["given", "keywords", "masked", "malformed"]
    assert list(report["acceptance"]) == ["without_data", "with_data", "steps"]
    assert list(report["findings"][0]) == [
        "rule", "title", "origin", "severity", "detail", "confidence", "box", "policies", "step", "sent", "received",
        "causes", "remedies", "source",
    ]  # fmt: skip
    assert list(report["checks"][0]) == ["rule", "outcome", "detail"]
    assert list(report["sessions"][0]["steps"][0]) == [
        "step", "sent", "received", "unasked", "code", "failure", "seconds",
    ]  # fmt: skip
    assert report["version"] == 1
    assert report["exit_status"] == 2
    assert report["findings"][0]["sent"] == "EHLO [127.0.0.1]\r\n"
    assert report["findings"][0]["received"].startswith("250-mx1.example.net Hello [127.0.0.1]\r\n250-TURN\r\n")
    assert [session["title"] for session in report["sessions"]][:2] == [
        "mail acceptance test",
        "BDAT mail acceptance test",
    ]


def test_the_documentation_names_every_key() -> None:
    report = json.loads(as_json(of_profile("exchange-2003", unregistered=["peexch50.dll"]).analysis))
    words = set(re.findall(r"`([a-z_]+)`", DOCUMENTED.read_text(encoding="utf-8")))

    def keys(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*(keys(one) for one in value.values()))
        return set().union(*(keys(one) for one in value)) if isinstance(value, list) else set()

    assert keys(report) - words == set()


def test_octets_are_latin_1() -> None:
    report = json.loads(as_json(of_server(script(b"\xff\x00what\r\n")).analysis))
    assert report["findings"][0]["received"].encode("latin-1") == b"\xff\x00what\r\n"


def test_nulls_where_nothing_could_be_tested() -> None:
    report = json.loads(as_json(of_server(script(b"SSH-2.0\r\n")).analysis))
    assert list(report) == TOP
    assert [report[key] for key in ("system", "ehlo", "acceptance", "contradiction")] == [None] * 4
    assert report["checks"] == []
    assert report["exit_status"] == 3
    assert [finding["severity"] for finding in report["findings"]] == ["untested"]
