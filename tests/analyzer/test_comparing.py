"""Two vantage points: what a real guard changes, and nothing else."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.comparing import differences, lost_keywords
from smtpguard.analyzer.findings import Analysis
from smtpguard.analyzer.report_json import as_document
from smtpguard.analyzer.steps import Step
from smtpguard.analyzer.target import Target
from smtpguard.lab.clock import run_virtual
from tests.analyzer.analyzing import RCPT, Heard, compared, run
from tests.lab.hosts import receiving

LIST = b"250-mx Hello [%b]\r\n250-SIZE\r\n250-XEXCH50\r\n250 OK\r\n"


def told(heard: Heard) -> list[tuple[str, bytes, bytes]]:
    assert heard.analysis.comparison is not None
    assert heard.analysis.comparison.untested == ""
    return [(one.what, one.past, one.through) for one in heard.analysis.comparison.differences]


def test_a_wire_changes_nothing() -> None:
    heard = compared("sbs-2003", "pass")
    assert told(heard) == []
    assert heard.analysis.exit_status == 0


def test_a_keyword_that_is_gone() -> None:
    heard = compared("exchange-2003", "strip-xexch50")
    assert told(heard) == [("EHLO, XEXCH50", b"XEXCH50", b"")]
    assert {"keyword-lost", "changed-on-the-way"} <= heard.rules
    assert heard.analysis.suspects[0].policy == "strip-xexch50"


def test_a_keyword_that_is_overwritten_is_at_its_place() -> None:
    assert told(compared("exchange-2003", "mask-xexch50")) == [("EHLO, XEXCH50", b"XEXCH50", b"XXXXXXA")]
    masked = {what: through for what, _, through in told(compared("exchange-2003", "cisco-asa"))}
    assert (masked["EHLO, TURN"], masked["EHLO, ATRN"]) == (b"XXXA", b"XXXB")


def test_a_blob_that_is_lost_and_the_time_waited() -> None:
    heard = compared("exchange-2003", "eat-blob")
    assert told(heard) == [("probe: XEXCH50 and its blob: blob", b"250 XEXCH50 OK\r\n", b"")]
    assert heard.analysis.comparison is not None
    assert heard.analysis.comparison.differences[0].detail == (
        "past the box: 250 XEXCH50 OK; through it: no whole reply in 30 seconds (0 octets came)"
    )
    assert len(heard.analysis.comparison.differences[0].sent) == 1020


def test_a_liar_is_shown_by_what_the_server_says_itself() -> None:
    what = {name: (past, through) for name, past, through in told(compared("exchange-2003", "bdat-liar"))}
    assert what["probe: BDAT before MAIL: chunk without MAIL"] == (
        b"503 5.5.2 Need Rcpt command\r\n", b"250 2.0.0 OK\r\n"
    )  # fmt: skip


def test_the_same_change_is_told_once() -> None:
    what = [name for name, _, _ in told(compared("exchange-2003", "cisco-esa"))]
    assert sum("unknown verb" in name for name in what) == 2  # 500 five times, then 421


def test_a_keyword_that_the_box_puts_in() -> None:
    assert ("EHLO, CHUNKING", b"", b"CHUNKING") in told(compared("exchange-55", "bdat-liar"))


def test_stripped_starttls_needs_no_rule_in_a_reply_to_be_seen() -> None:
    heard = compared("sbs-2003", "starttls-stripper")
    assert "keyword-lost" in heard.symptoms
    assert ("EHLO, STARTTLS", b"STARTTLS", b"") in told(heard)


def test_what_the_server_does_itself_is_no_box() -> None:
    both = compared("exchange-2003", "pass", keywords_off=["XEXCH50"])
    (check,) = (check for check in both.analysis.findings if check.rule.id == "keyword-hidden")
    assert check.verdict.detail.endswith("(so it is past the box: the server's own doing)")
    assert both.analysis.suspects == ()
    assert told(both) == []
    eaten = compared("exchange-2003", "bdat-eater", keywords_off=["XEXCH50"])
    assert [suspect.policy for suspect in eaten.analysis.suspects] == ["bdat-eater"]


def test_no_message_goes_past_the_box() -> None:
    assert compared("exchange-2003", "pass").verbs == ["DATA", "BDAT", "DATA"]


def test_a_second_place_that_can_not_be_looked_at() -> None:
    async def main() -> Analysis:
        async with receiving() as host:
            return await run(host.port, past=Target("127.0.0.1", 1, recipient=RCPT))

    analysis = run_virtual(main)
    assert analysis.exit_status == 0
    assert analysis.comparison is not None
    assert analysis.comparison.untested == "nothing listens there: connection refused"
    assert as_document(analysis)["comparison"]["untested"] == "nothing listens there: connection refused"
    assert "changed-on-the-way" not in {check.rule.id for check in analysis.checks}


@pytest.mark.parametrize("address", [b"192.0.2.1", b"198.51.100.254"])
def test_addresses_dates_and_numbers_are_no_difference(address: bytes) -> None:
    def steps(own: bytes, number: bytes) -> dict[str, tuple[Step, ...]]:
        return {
            "mail acceptance test": (
                Step("banner", b"", b"220 mx ready at  Thu, " + number + b" Oct 2007 09:00:00 -0700\r\n", 220),
                Step("EHLO", b"EHLO [" + own + b"]\r\n", LIST % own, 250),
                Step("MAIL", b"MAIL FROM:<a@b>\r\n", b"250 2.1.0 queue " + number + b"\r\n", 250),
            )
        }

    through, past = steps(address, b"25"), steps(b"10.0.0.1", b"7")
    assert differences(through, past) == ()
    assert lost_keywords(through, past) == ()
