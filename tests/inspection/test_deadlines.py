"""The figures of RFC 5321 4.5.3.2."""

from __future__ import annotations

from dataclasses import fields

import pytest

from smtpguard.inspection.deadlines import Deadlines


def test_the_figures_are_the_rfcs() -> None:
    limits = Deadlines()
    assert (limits.greeting, limits.reply, limits.data_init, limits.data_block) == (300, 300, 120, 180)
    assert (limits.message_end, limits.command) == (600, 300)


@pytest.mark.parametrize("name", [field.name for field in fields(Deadlines)])
def test_the_shortest_looks_at_every_one(name: str) -> None:
    assert Deadlines(**{name: 1.5}).shortest == 1.5
