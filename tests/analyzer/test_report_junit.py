"""JUnit's XML: a case a check, findings as failures, and nothing that an XML reader chokes on."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from smtpguard.analyzer.findings import Analysis
from smtpguard.analyzer.report_junit import as_junit
from tests.analyzer import made
from tests.analyzer.analyzing import of_profile, of_server
from tests.lab.hosts import script


def suite(analysis: Analysis) -> ET.Element:
    suites = ET.fromstring(as_junit(analysis))
    assert suites.tag == "testsuites"
    (only,) = suites
    for name in ("tests", "failures", "errors", "skipped", "time"):
        assert suites.attrib[name] == only.attrib[name]
    cases = only.findall("testcase")
    assert only.attrib["tests"] == str(len(cases))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert only.attrib[name] == str(len(only.findall(f"testcase/{tag}")))
    return only


def test_a_case_for_each_check() -> None:
    analysis = of_profile("exchange-2003", "bdat-eater").analysis
    read = suite(analysis)
    assert [case.attrib["name"].partition(":")[0] for case in read.iter("testcase")] == [
        check.rule.id for check in analysis.checks
    ]
    failure = next(one for one in read.iter("failure") if "BDAT was not" in one.attrib["message"])
    assert failure.attrib["type"] == "error"
    assert "BDAT was not answered 250" in failure.attrib["message"]
    assert "cure: Let the box pass BDAT" in (failure.text or "")
    assert "sent: BDAT " in (failure.text or "")
    assert float(read.attrib["time"]) >= 30


def test_warnings_are_failures_of_their_own_type() -> None:
    read = suite(of_profile("exchange-2010", "strip-exchange").analysis)
    assert [failure.attrib["type"] for failure in read.iter("failure")] == ["warning", "warning"]


def test_what_does_not_apply_is_skipped() -> None:
    read = suite(of_profile("exchange-2003", message=False).analysis)
    assert [one.attrib["message"] for one in read.iter("skipped")] == [
        "no message was to be sent",
        "no MX was looked up",
        "its probe did not run",  # the one that sends a message
        "its probe ended at STARTTLS: 500 5.3.3 Unrecognized command",
        "its probe did not run",  # MS03-046
    ]


def test_what_the_path_doctor_says_is_there() -> None:
    read = suite(made.analysis())
    failure = next(one for one in read.iter("failure") if one.attrib["type"] == "error")
    text = failure.text or ""
    for line in ("how sure: certain", "in the path: a firewall that passes the verb", "policy: eat-blob"):
        assert line in text
    told = read.findtext("system-out") or ""
    assert "in the path: a firewall <of that time> (likely), policy eat-blob: XEXCH50 passes" in told
    assert "changed between here and 10.0.0.5:2525: EHLO reply: XEXCH50 is gone" in told


def test_nothing_could_be_tested_is_one_error() -> None:
    read = suite(of_server(script(b"SSH-2.0\r\n")).analysis)
    (case,) = read.iter("testcase")
    assert case.attrib["name"] == "not-smtp: What answers is no SMTP server"
    assert read.attrib["errors"] == "1"


def test_octets_of_a_server_make_no_bad_xml() -> None:
    read = suite(of_server(script(made.HOSTILE, b"250-\x00\x1f<&\r\n250 ok\r\n", b"550 \x07\r\n", b"221\r\n")).analysis)
    assert int(read.attrib["failures"]) > 0
