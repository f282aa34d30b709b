"""The probes judged: passed, found, not tested, and nothing that a server says makes it fail."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smtpguard.analyzer.diagnosis import diagnose
from smtpguard.analyzer.ehlo import read_ehlo
from smtpguard.analyzer.probe_bdat import CHUNK, OUT_OF_TURN
from smtpguard.analyzer.probe_ending import ENDING
from smtpguard.analyzer.probe_extensions import EXTENSION_VERBS
from smtpguard.analyzer.probe_lengths import LENGTHS
from smtpguard.analyzer.probe_starttls import STARTTLS
from smtpguard.analyzer.probe_typing import TYPED
from smtpguard.analyzer.probe_verbs import UNKNOWN_VERBS
from smtpguard.analyzer.probe_xexch50 import BLOB, BLOB_OF_LINES
from smtpguard.analyzer.rules import symptoms
from smtpguard.analyzer.steps import Step, named
from smtpguard.analyzer.systems import classify
from tests.analyzer.analyzing import of_profile
from tests.analyzer.steps_of import step, view

TITLES = {
    UNKNOWN_VERBS: ("NOOP", "HELO again", "unknown verb 1", "unknown verb 6"),
    EXTENSION_VERBS: ("VRFY", "X-EXPS"),
    TYPED: ("typed HELO", "typed NOOP"),
    LENGTHS: ("NOOP of 16 octets", "line of 520 octets"),
    CHUNK: ("chunk", "RSET", "QUIT", "behind QUIT"),
    OUT_OF_TURN: ("chunk without MAIL", "behind QUIT"),
    BLOB: ("XEXCH50", "blob", "RSET", "behind QUIT"),
    BLOB_OF_LINES: ("XEXCH50", "blob"),
    STARTTLS: ("STARTTLS", "TLS handshake"),
    ENDING: ("message in two segments",),
}
FAILURES = ("", "", "silent", "closed", "babbling", "garbled", "late")


def outcomes(sessions: dict[str, list[Step]]) -> dict[str, tuple[str, str]]:
    seen = view(sessions)
    diagnosis = diagnose(seen.sessions, seen.steps, seen.ehlo, seen.classified)
    return {check.rule.id: (check.verdict.outcome, check.verdict.detail) for check in diagnosis.checks}


def test_what_was_not_tried_has_not_passed() -> None:
    told = outcomes({CHUNK: [step("RCPT", "451 greylisted"), step("QUIT", "221 bye")]})
    assert told["bdat-eaten"] == ("not-tested", "its probe ended at RCPT: 451 greylisted")
    assert told["blob-eaten"] == ("not-tested", "its probe did not run")
    assert told["banner-stars"] == ("passed", "not seen")


def test_what_was_tried_and_not_seen_has_passed() -> None:
    told = outcomes({CHUNK: [step("chunk", "250 ok"), step("QUIT", "221 bye")]})
    assert told["bdat-eaten"] == ("passed", "not seen")


def test_one_finding_tells_all_traces_of_its_kind_and_how_sure_the_surest_is() -> None:
    heard = of_profile("exchange-2003", "strip-exchange")
    check = next(check for check in heard.analysis.findings if check.rule.id == "keyword-hidden")
    assert check.verdict.confidence == "certain"
    for keyword in ("XEXCH50", "X-EXPS", "X-LINK2STATE"):
        assert f"{keyword} is not listed, and {keyword} is answered" in check.verdict.detail
    assert check.sent == b"XEXCH50 1020 2\r\n"
    assert check.received == b"354 Send binary data\r\n"


def test_a_finding_bears_what_an_administrator_needs() -> None:
    heard = of_profile("exchange-2003", "eat-blob")
    check = next(check for check in heard.analysis.findings if check.rule.id == "blob-eaten")
    assert len(check.sent) == 1020
    assert check.received == b""
    assert check.verdict.confidence == "certain"
    assert "ISA Server 2000" in check.rule.box
    assert check.rule.policies == ("eat-blob", "eat-ack")
    assert any("SuppressExternal" in cure and "KB818222" in cure for cure in check.rule.remedies)


def test_rules_that_want_a_second_place_are_not_judged_without_one() -> None:
    told = outcomes({})
    assert len(told) == len(symptoms()) - 2
    assert not {"keyword-lost", "changed-on-the-way"} & set(told)


LINES = st.one_of(st.binary(max_size=40), st.sampled_from([b"250 OK\r\n", b"500 no\r\n", b"354 go\r\n", b"421 x\r\n"]))


@st.composite
def held(draw: st.DrawFn) -> dict[str, tuple[Step, ...]]:
    return {
        title: tuple(
            Step(
                name,
                sent=draw(LINES),
                received=draw(LINES),
                code=draw(st.sampled_from([0, 220, 250, 354, 421, 500, 999])),
                failure=draw(st.sampled_from(FAILURES)),  # type: ignore[arg-type]
                unasked=draw(LINES),
            )
            for name in names
        )
        for title, names in TITLES.items()
    }


@given(sessions=held(), banner=LINES, ehlo=LINES, past=held())
def test_no_octets_of_a_server_break_a_reader(
    sessions: dict[str, tuple[Step, ...]], banner: bytes, ehlo: bytes, past: dict[str, tuple[Step, ...]]
) -> None:
    steps = (Step("banner", b"", banner, 220), Step("EHLO", b"EHLO a\r\n", b"250-mx\r\n" + ehlo, 250))
    listed = read_ehlo(named(steps, "EHLO"))
    acceptance = {"mail acceptance test": steps}
    diagnosis = diagnose(acceptance | sessions, steps, listed, classify(steps[0].last_line, listed), acceptance | past)
    assert {check.verdict.outcome for check in diagnosis.checks} <= {"found", "passed", "not-tested"}
