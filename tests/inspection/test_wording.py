"""Replies in the guard's own name, and the names of its decisions."""

from __future__ import annotations

import pytest

from smtpguard.inspection import wording
from smtpguard.policy.actions import ACTIONS
from smtpguard.smtp.replies import ReplyReader
from smtpguard.smtp.violations import VIOLATIONS


def test_a_rule_stands_behind_its_text() -> None:
    assert wording.reply_line(550, "5.7.1", "No", "r-1") == b"550 5.7.1 No [r-1]\r\n"
    assert wording.reply_line(550, "", "No", "r-1", exact=True) == b"550 No\r\n"
    assert wording.reply_line(421, "", "", "r-1") == b"421 [r-1]\r\n"


def test_a_close_without_a_code_says_nothing() -> None:
    assert wording.closing_reply("", "x", "r", None) == b""
    assert wording.closing_reply("4.3.0", "x", "r") == b"421 4.3.0 x [r]\r\n"


@pytest.mark.parametrize("name", VIOLATIONS)
def test_every_violation_makes_one_sound_reply(name: str) -> None:
    reply = ReplyReader().feed(wording.uncertain_reply(VIOLATIONS[name]))
    assert reply is not None
    assert (reply.code, reply.fault) == (421, "")
    assert len(reply.raw) <= 512  # RFC 5321 4.5.3.1.5


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_a_participle(action: str) -> None:
    assert wording.decision_name("command", action).startswith("command-")
