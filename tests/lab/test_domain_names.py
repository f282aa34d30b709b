"""Which names a document may give to hosts and domains."""

from __future__ import annotations

import pytest

from smtpguard.lab.domain_names import domain_name


@pytest.mark.parametrize("name", ["example.net", "mx1", "a-b.example", "_spf.example.net", "x" * 63, "1.2.3.4"])
def test_a_name_that_dns_carries(name: str) -> None:
    assert domain_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "a.", "-a.net", "a-.net", "a b", "ä.net", "a\n", "x" * 64, "a." * 127]
)
def test_a_name_that_it_does_not(name: str) -> None:
    with pytest.raises(ValueError, match="is no host or domain name"):
        domain_name(name)
