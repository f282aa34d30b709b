"""The zones of a scenario."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from smtpguard.lab.dns.zones import Zones


def test_names_have_no_case_and_no_last_dot() -> None:
    zones = Zones.model_validate({"a": {"MX1.Example.NET.": ["127.0.0.2"]}, "silent": ["Example.ORG."]})
    assert zones.a == {"mx1.example.net": ("127.0.0.2",)}
    assert zones.silent == {"example.org"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"a": {"mx": ["192.0.2.1"]}},
        {"a": {"mx": ["::1"]}},
        {"a": {"mx": ["x"]}},
        {"a": {"a..net": ["127.0.0.1"]}},
        {"mx": {"x" * 64: []}},
        {"mx": {"example.net": [{"preference": 1, "host": "."}]}},
        {"servfail": ["a b"]},
        {"ttl": -1},
        {"aaaa": {}},
    ],
)
def test_what_the_lab_does_not_serve(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Zones.model_validate(wrong)
