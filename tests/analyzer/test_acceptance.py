"""The mail acceptance test, step by step, in both editions."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.analysis import conclude
from smtpguard.analyzer.findings import Acceptance
from smtpguard.analyzer.steps import Step
from smtpguard.analyzer.target import Target

BANNER = b"220 mx Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready at  Thu, 25 Oct 2007 09:00:00 -0700\r\n"
LIST = b"250-mx\r\n250-TURN\r\n250-X-EXPS\r\n250-X-LINK2STATE\r\n250-XEXCH50\r\n250 OK\r\n"
GOOD = (
    Step("connect"),
    Step("banner", b"", BANNER, 220),
    Step("EHLO", b"EHLO a\r\n", LIST, 250),
    Step("MAIL", b"MAIL\r\n", b"250 ok\r\n", 250),
    Step("RCPT", b"RCPT\r\n", b"250 ok\r\n", 250),
    Step("DATA", b"DATA\r\n", b"354 go\r\n", 354),
    Step("message", b".\r\n", b"250 queued\r\n", 250),
)


def accepted(*steps: Step, message: bool = True) -> Acceptance:
    found = conclude(Target("mx", message=message), steps, ()).acceptance
    assert found is not None
    return found


def test_every_step_passes() -> None:
    acceptance = accepted(*GOOD)
    assert [(step.name, step.wants, step.passed) for step in acceptance.steps] == [
        ("banner", "220", True),
        ("EHLO", "250 with X-LINK2STATE and XEXCH50", True),
        ("MAIL", "250", True),
        ("RCPT", "250", True),
        ("DATA", "354, then 250", True),
    ]
    assert (acceptance.without_data, acceptance.with_data) == (True, True)


@pytest.mark.parametrize(
    ("code", "text"), [(421, b"421 later\r\n"), (251, b"251 will forward\r\n"), (550, b"550 no\r\n")]
)
def test_rcpt_wants_250_and_nothing_else(code: int, text: bytes) -> None:
    acceptance = accepted(*GOOD[:4], Step("RCPT", b"RCPT\r\n", text, code))
    assert [step.passed for step in acceptance.steps] == [True, True, True, False, None]
    assert (acceptance.without_data, acceptance.with_data) == (False, False)


def test_the_editions_differ_when_only_the_message_is_refused() -> None:
    refused = Step("message", b".\r\n", b"554 no\r\n", 554)
    acceptance = accepted(*GOOD[:6], refused)
    assert (acceptance.without_data, acceptance.with_data) == (True, False)
    assert acceptance.steps[-1].answer == "554 no"


def test_data_itself_refused() -> None:
    acceptance = accepted(*GOOD[:5], Step("DATA", b"DATA\r\n", b"451 no\r\n", 451))
    assert (acceptance.steps[-1].passed, acceptance.steps[-1].answer) == (False, "451 no")


@pytest.mark.parametrize("missing", ["X-LINK2STATE", "XEXCH50"])
def test_both_keywords_are_needed(missing: str) -> None:
    short = LIST.replace(b"250-%b\r\n" % missing.encode(), b"")
    acceptance = accepted(*GOOD[:2], Step("EHLO", b"EHLO a\r\n", short, 250), *GOOD[3:])
    assert acceptance.steps[1].passed is False
    assert acceptance.steps[1].answer == f"250 without {missing}"


def test_the_contradiction_names_what_is_missing() -> None:
    short = LIST.replace(b"250-X-LINK2STATE\r\n", b"")
    steps = (*GOOD[:2], Step("EHLO", b"EHLO a\r\n", short, 250), *GOOD[3:])
    text = conclude(Target("mx"), steps, ()).contradiction
    assert text.startswith("Both are true: mail flows (the message was answered: 250 queued)")
    assert "asks for X-LINK2STATE in the list, and that is missing." in text
    assert "peexch50" not in text


def test_without_a_message_the_contradiction_claims_no_more_than_was_tried() -> None:
    short = LIST.replace(b"250-XEXCH50\r\n", b"")
    steps = (*GOOD[:2], Step("EHLO", b"EHLO a\r\n", short, 250), *GOOD[3:5])
    text = conclude(Target("mx", message=False), steps, ()).contradiction
    assert text.startswith("Both are true: mail is taken as far as it was tried (RCPT was answered: 250 ok)")
