"""The whole analyzer over real loopback: every receiver profile, bare and behind policies of a real guard."""

from __future__ import annotations

import pytest

from smtpguard.lab import documents
from tests.analyzer.analyzing import of_profile

LINK = ("warning", "SMTP server does not support X-LINK2STATE verb")
BLOB = ("warning", "The version of SMTP running does not support the XEXCH50 verb")
TEST = ("error", "Mail acceptance failure")
CHUNKS = ("error", "BDAT mail acceptance failure")
BANNER = ("warning", "SMTP banner is not the default")
PROXY = ("error", "Possible SMTP proxy detected")
VERBS = ("warning", "Default verbs disabled")

BOTH = ["DATA", "BDAT", "DATA"]  # the last one with its end in two segments

# profile, policy, system, findings in the order of the report, exit status, messages that arrived
TABLE = [
    ("exchange-2003", None, "exchange-2000-2003", [], 0, BOTH),
    ("exchange-2000", None, "exchange-2000-2003", [], 0, BOTH),
    ("exchange-2010", None, "exchange-2010", [], 0, BOTH),
    ("exchange-55", None, "exchange-5.5", [], 0, ["DATA", "DATA"]),
    ("sbs-2003", None, "sbs-certificate", [], 0, BOTH),
    ("iis", None, "iis-without-exchange", [TEST, LINK, BLOB], 2, BOTH),
    ("exchange-2003", "pass", "exchange-2000-2003", [], 0, BOTH),
    ("exchange-2003", "strip-xexch50", "exchange-some-sinks-missing", [TEST, BLOB], 2, BOTH),
    ("exchange-2003", "strip-exchange", "iis-without-exchange", [TEST, LINK, BLOB], 2, BOTH),
    ("exchange-2003", "mask-xexch50", "exchange-2000-2003", [TEST, BLOB], 2, BOTH),
    ("exchange-2003", "helo-only", "exchange-no-extensions", [TEST, LINK, BLOB, VERBS], 2, ["DATA", "DATA"]),
    ("exchange-2003", "antivirus-stack", "unknown", [TEST, PROXY, LINK, BLOB, BANNER, VERBS], 2, ["DATA", "DATA"]),
    ("exchange-2003", "bdat-eater", "exchange-2000-2003", [CHUNKS], 2, ["DATA", "DATA"]),
    ("exchange-55", "strip-xexch50", "exchange-5.5", [TEST, BLOB], 2, ["DATA", "DATA"]),
    ("exchange-2010", "strip-xexch50", "exchange-2010", [TEST, BLOB], 2, BOTH),
    ("exchange-2010", "strip-exchange", "exchange-2007-or-later", [BLOB], 1, BOTH),
    ("exchange-2010", "helo-only", "exchange-no-extensions", [TEST, LINK, BLOB, VERBS], 2, ["DATA", "DATA"]),
    ("sbs-2003", "mask-xexch50", "sbs-certificate", [TEST, BLOB], 2, BOTH),
]


def test_the_table_has_every_profile() -> None:
    assert {row[0] for row in TABLE if row[1] is None} == set(documents.names("profiles"))


@pytest.mark.parametrize(
    ("profile", "policy", "system", "findings", "status", "messages"),
    TABLE,
    ids=[f"{row[0]}, {row[1] or 'bare'}" for row in TABLE],
)
def test_profiles_and_policies(
    profile: str, policy: str | None, system: str, findings: list[tuple[str, str]], status: int, messages: list[str]
) -> None:
    heard = of_profile(profile, policy)
    assert heard.analysis.classified is not None
    assert heard.analysis.classified.system.id == system
    assert heard.found == findings
    assert heard.analysis.exit_status == status
    assert heard.verbs == messages


@pytest.mark.parametrize(
    ("unregistered", "missing"),
    [
        (["peexch50.dll"], ["XEXCH50 is missing (peexch50.dll)"]),
        (["xlsasink.dll"], ["X-LINK2STATE is missing (xlsasink.dll)"]),
        (["exps"], ["X-EXPS is missing (the sink of X-EXPS)"]),
    ],
)
def test_each_missing_sink_is_named(unregistered: list[str], missing: list[str]) -> None:
    heard = of_profile("exchange-2003", unregistered=unregistered)
    assert heard.analysis.classified is not None
    assert heard.analysis.classified.system.id == "exchange-some-sinks-missing"
    assert list(heard.analysis.classified.reasons[-len(missing) :]) == missing


def test_all_sinks_missing_is_a_server_without_exchange() -> None:
    heard = of_profile("exchange-2003", unregistered=["peexch50.dll", "xlsasink.dll", "exps"])
    assert heard.analysis.classified is not None
    assert heard.analysis.classified.system.id == "iis-without-exchange"


def test_peexch50_unregistered_tells_both_truths() -> None:
    heard = of_profile("exchange-2003", unregistered=["peexch50.dll"])
    assert heard.verbs == BOTH
    assert heard.found == [TEST, BLOB]
    text = heard.analysis.contradiction
    assert "mail flows (the message was answered: 250 2.6.0" in text
    assert "acceptance test ends in an error, because its second step asks for XEXCH50 in the list" in text
    assert "peexch50.dll unregistered" in text


def test_no_contradiction_where_the_test_passes_or_mail_is_refused() -> None:
    assert of_profile("exchange-2003").analysis.contradiction == ""
    refused = of_profile("exchange-2003", recipient="postmaster@example.org", unregistered=["peexch50.dll"])
    assert refused.analysis.contradiction == ""


def test_without_a_message_the_older_edition_passes_and_nothing_arrives() -> None:
    heard = of_profile("exchange-2003", message=False)
    acceptance = heard.analysis.acceptance
    assert acceptance is not None
    assert [step.name for step in acceptance.steps] == ["banner", "EHLO", "MAIL", "RCPT"]
    assert (acceptance.without_data, acceptance.with_data) == (True, None)
    assert heard.verbs == []
    assert {check.rule.id: check.verdict.outcome for check in heard.analysis.checks}["bdat-acceptance"] == "not-tested"


def test_a_refused_recipient_fails_at_rcpt_and_sends_nothing() -> None:
    heard = of_profile("exchange-2003", recipient="postmaster@example.org")
    assert heard.found == [TEST]
    finding = heard.analysis.findings[0]
    assert finding.verdict.detail == (
        "step RCPT: wanted 250, got: 550 5.7.1 Unable to relay for postmaster@example.org"
    )
    assert finding.verdict.step is not None
    assert finding.verdict.step.sent == b"RCPT TO:<postmaster@example.org>\r\n"
    assert finding.causes[0].startswith("The account does not exist")
    assert heard.verbs == []


def test_the_masked_line_is_named() -> None:
    heard = of_profile("exchange-2003", "mask-xexch50")
    details = {check.rule.id: check.verdict.detail for check in heard.analysis.findings}
    assert details["xexch50-missing"] == "XEXCH50 is missing; a line XXXXXXA of its length is in its place"


def test_no_command_is_an_overflow_and_no_blob_is_longer_than_announced() -> None:
    heard = of_profile("exchange-2003")
    sessions = heard.analysis.sessions
    commands = [step.sent for steps in sessions.values() for step in steps if step.name not in ("message", "blob")]
    assert max(len(line) for sent in commands for line in sent.split(b"\r\n")) == 518
    blobs = [step.sent for steps in sessions.values() for step in steps if step.name == "blob"]
    assert [len(blob) for blob in blobs] == [1020]
    assert b"XEXCH50 2 2\r\n" not in commands
