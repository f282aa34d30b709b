"""Verdicts that the profiles of the lab don't bring about: what is not applicable, and what could not be tested."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smtpguard.analyzer.analysis import conclude
from smtpguard.analyzer.findings import Check
from smtpguard.analyzer.report_json import as_json
from smtpguard.analyzer.rules import rules
from smtpguard.analyzer.steps import Step
from smtpguard.analyzer.target import Target

POSTFIX = b"220 mail.example.net ESMTP Postfix\r\n"
LIST = b"250-mail.example.net\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 8BITMIME\r\n"
TARGET = Target("mail.example.net")


def steps(banner: bytes = POSTFIX, ehlo: bytes = LIST) -> tuple[Step, ...]:
    return (
        Step("connect"),
        Step("banner", b"", banner, 220),
        Step("EHLO", b"EHLO a\r\n", ehlo, 250),
        Step("MAIL", b"MAIL\r\n", b"250 ok\r\n", 250),
        Step("RCPT", b"RCPT\r\n", b"250 ok\r\n", 250),
        Step("DATA", b"DATA\r\n", b"354 go\r\n", 354),
        Step("message", b".\r\n", b"250 queued\r\n", 250),
    )


def checks(first: tuple[Step, ...], bdat: tuple[Step, ...] = ()) -> dict[str, Check]:
    return {check.rule.id: check for check in conclude(TARGET, first, bdat).checks}


def test_a_server_that_names_itself_is_not_asked_for_exchanges_words() -> None:
    analysis = conclude(TARGET, steps(), ())
    outcomes = {check.rule.id: check.verdict.outcome for check in analysis.checks}
    assert outcomes == {
        "x-link2state-missing": "not-applicable",
        "xexch50-missing": "not-applicable",
        "mail-acceptance": "passed",
        "bdat-acceptance": "not-tested",
        "banner-not-default": "not-applicable",
        "smtp-proxy": "passed",
        "default-verbs-disabled": "not-applicable",
        "ehlo-malformed": "passed",
        "exchanger-unreachable": "not-applicable",
    }
    assert analysis.exit_status == 0


def test_a_server_that_does_not_say_what_it_is_is_judged_as_exchange() -> None:
    analysis = conclude(TARGET, steps(b"220 mail.example.net ready\r\n"), ())
    assert {check.rule.id for check in analysis.findings} == {
        "mail-acceptance", "x-link2state-missing", "xexch50-missing", "banner-not-default", "default-verbs-disabled",
    }  # fmt: skip


def test_the_banner_of_asterisks() -> None:
    found = checks(steps(b"220 ****************\r\n"))
    assert found["smtp-proxy"].verdict.detail == "the banner is that of Cisco PIX or ASA (a banner of asterisks)"
    assert found["banner-not-default"].verdict.outcome == "found"


def test_bdat_must_be_answered_250() -> None:
    opened = (*steps()[:5],)
    eaten = checks(steps(), (*opened, Step("BDAT", b"BDAT 3 LAST\r\nabc", failure="silent", seconds=30)))
    assert eaten["bdat-acceptance"].verdict.outcome == "found"
    assert eaten["bdat-acceptance"].verdict.detail.endswith("no whole reply in 30 seconds (0 octets came)")
    late = checks(steps(), (*opened, Step("BDAT", b"", b"451 Timeout waiting for client input\r\n", 451)))
    assert late["bdat-acceptance"].verdict.outcome == "found"
    taken = checks(steps(), (*opened, Step("BDAT", b"", b"250 ok\r\n", 250)))
    assert taken["bdat-acceptance"].verdict.outcome == "passed"


def test_a_bdat_session_that_does_not_come_to_bdat_was_no_test() -> None:
    greylisted = (
        *steps()[:4],
        Step("RCPT", b"RCPT\r\n", b"451 later\r\n", 451),
        Step("QUIT", b"", b"221 bye\r\n", 221),
    )
    verdict = checks(steps(), greylisted)["bdat-acceptance"].verdict
    assert (verdict.outcome, verdict.detail) == ("not-tested", "the session ended at RCPT: 451 later")
    unreachable = (Step("connect", failure="refused", detail="connection refused"),)
    assert checks(steps(), unreachable)["bdat-acceptance"].verdict.outcome == "not-tested"


def test_many_malformed_lines_are_counted() -> None:
    lines = b"".join(b"240-X%d\r\n" % number for number in range(9))
    verdict = checks(steps(ehlo=b"250-mail\r\n" + lines + b"250 OK\r\n"))["ehlo-malformed"].verdict
    assert verdict.detail == "240-X0; 240-X1; 240-X2; 240-X3; 240-X4 and 4 more"


def test_a_banner_of_two_lines_is_not_the_default() -> None:
    one = b"220 mx Microsoft ESMTP MAIL Service ready at Thu, 25 Oct 2007 09:00:00 -0700\r\n"
    assert checks(steps(one))["banner-not-default"].verdict.outcome == "passed"
    assert checks(steps(b"220-hello\r\n" + one))["banner-not-default"].verdict.outcome == "found"


@given(banner=st.binary(max_size=80), lines=st.lists(st.binary(max_size=30), max_size=6), code=st.integers(0, 999))
def test_no_octets_of_a_server_break_the_judges(banner: bytes, lines: list[bytes], code: int) -> None:
    ehlo = b"".join(b"250-" + line + b"\r\n" for line in lines)
    analysis = conclude(TARGET, (*steps(b"220 " + banner, ehlo)[:2], Step("EHLO", b"EHLO a\r\n", ehlo, code)), ())
    assert len(analysis.checks) == len([rule for rule in rules() if rule.trigger != "untestable"])
    assert as_json(analysis)
