"""The texts of the event logs as data."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtpguard.lab.errors import LabError
from smtpguard.lab.eventlog.texts import event_text, known_ids

GOLDEN = Path(__file__).parents[1] / "golden" / "events"


def test_every_text_has_a_golden_file_and_a_source() -> None:
    assert {int(path.stem) for path in GOLDEN.glob("*.txt")} == known_ids()
    for event_id in known_ids():
        text = event_text(event_id)
        assert text.event_id == event_id
        assert text.source.strip()


def test_what_is_inferred_or_ours_is_said_field_by_field() -> None:
    assert event_text(20031).inferred == ("data",)
    assert event_text(4006).ours == ("user",)
    assert event_text(7004).inferred + event_text(7004).ours == ()


def test_an_event_that_the_lab_does_not_have_is_one_line() -> None:
    with pytest.raises(LabError, match="9999"):
        event_text(9999)
