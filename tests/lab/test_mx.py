"""The table that stands for DNS."""

from __future__ import annotations

from smtpguard.lab.mx import Exchanger, MxTable

FIRST = Exchanger(preference=10, host="mx1.example.net")
SECOND = Exchanger(preference=20, host="mx2.example.net")


def test_the_best_exchanger_comes_first() -> None:
    assert MxTable(domains={"example.net": (SECOND, FIRST)}).look_up("example.net") == (FIRST, SECOND)


def test_domains_have_no_case() -> None:
    assert MxTable(domains={"example.net": (FIRST,)}).look_up("Example.NET") == (FIRST,)


def test_a_domain_that_is_not_there() -> None:
    assert MxTable(domains={}).look_up("example.org") == ()
