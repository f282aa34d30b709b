"""The story in three acts."""

from __future__ import annotations

import io
import time

from rich.console import Console

from smtpguard.lab.message import sample
from smtpguard.lab.telling.story import ACTS, tell_story


def test_three_acts_in_a_few_seconds() -> None:
    out = io.StringIO()
    began = time.process_time()
    assert tell_story(Console(file=out, highlight=False), sample(), "smtpguard")
    assert time.process_time() - began < 15
    text = out.getvalue()
    first, second, third = (text.index(act.title) for act in ACTS)
    assert 0 < text.index("KB818222") < first < second < third
    assert "Delivered after 1 attempt" in text[first:second]
    assert "  <-- 250-XEXCH50\n" in text[first:second]
    assert "Not delivered: 17 attempts" in text[second:third]
    assert "Delivered after 1 attempt" in text[third:]
    assert "XEXCH50\n" not in text[third:]
    assert "The octets of the delivered message equal the octets sent." in text[third:]
    assert "\x1b" not in text


def test_the_keyword_list_is_shortened_and_counted() -> None:
    out = io.StringIO()
    tell_story(Console(file=out, highlight=False), sample(), "smtpguard")
    text = out.getvalue()
    assert "  <--      (9 other keywords)\n  <-- 250-CHUNKING\n" in text
    assert "250-TURN" not in text
