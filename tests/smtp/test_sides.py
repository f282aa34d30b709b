"""The two sides."""

from __future__ import annotations

from smtpguard.smtp.sides import CLIENT, SERVER, Side, other


def test_each_side_has_the_other_as_its_peer() -> None:
    assert [other(side) for side in (CLIENT, SERVER)] == [SERVER, CLIENT]


def test_sides_are_keys_and_print_by_name() -> None:
    assert {CLIENT: 1, SERVER: 2}[Side("server")] == 2
    assert repr([CLIENT, SERVER]) == "[CLIENT, SERVER]"
