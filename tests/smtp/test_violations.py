"""The table of violations."""

from __future__ import annotations

import re

import pytest

from smtpguard.smtp.sides import CLIENT, SERVER
from smtpguard.smtp.violations import VIOLATIONS


def test_every_row_is_named_blames_a_side_and_cites() -> None:
    for name, row in VIOLATIONS.items():
        assert name == row.name
        assert row.blame in (CLIENT, SERVER)
        assert row.summary
        assert re.match(r"RFC \d+|KB\d+|CVE-\d+-\d+", row.source)


@pytest.mark.parametrize(
    "name",
    ["starttls-injection", "starttls-reply-injection", "bdat-size", "reply-code-change", "reply-code", "endless-line"],
)
def test_what_leaves_the_peers_of_two_minds_is_uncertain(name: str) -> None:
    assert VIOLATIONS[name].uncertain


@pytest.mark.parametrize("name", ["early-talk", "pipelining", "smuggling", "early-blob", "reply-misprint"])
def test_what_everybody_reads_the_same_way_is_not(name: str) -> None:
    assert not VIOLATIONS[name].uncertain
