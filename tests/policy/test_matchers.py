"""How conditions are written: what each word of the YAML text becomes. Most of what is refused, and in which words,
stands in ``broken``; here are the edges."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic_core import PydanticCustomError

from smtpguard.policy.matchers import (
    SizeRange,
    read_address_glob,
    read_code,
    read_count,
    read_network,
    read_regex,
    read_size,
    read_verb,
    read_word,
)


@pytest.mark.parametrize(
    ("written", "low", "high"),
    [
        (1000, 1000, 1000), (0, 0, 0), ("1000", 1000, 1000), ("> 1000", 1001, None), (">1000", 1001, None),
        (">= 1000", 1000, None), ("< 1000", 0, 999), ("< 1", 0, 0), ("<= 0", 0, 0), ("100..200", 100, 200),
        ("7 .. 7", 7, 7),
    ],
)  # fmt: skip
def test_sizes(written: object, low: int, high: int | None) -> None:
    assert read_size(written) == SizeRange(low, high)


@pytest.mark.parametrize(
    "written", [-1, True, None, 1.5, "", "< 0", "> ", "200..100", "1000\n", "1_000", "=> 5", "1e3"]
)
def test_no_sizes(written: object) -> None:
    with pytest.raises(PydanticCustomError):
        read_size(written)


@pytest.mark.parametrize(
    ("written", "first", "last", "count"),
    [(550, 550, 550, 1), ("550", 550, 550, 1), ("55x", 550, 559, 10), ("5XX", 500, 599, 100), ("2xx", 200, 299, 100)],
)
def test_codes(written: object, first: int, last: int, count: int) -> None:
    codes = read_code(written)
    assert (min(codes), max(codes), len(codes)) == (first, last, count)


@pytest.mark.parametrize("written", [199, 600, True, "x50", "5x0", "55", "5500", "550\n", None])
def test_no_codes(written: object) -> None:
    with pytest.raises(PydanticCustomError):
        read_code(written)


@pytest.mark.parametrize(
    ("written", "verb"),
    [("mail", "MAIL"), ("Unknown", "unknown"), ("xexch50", "XEXCH50"), ("X-MINE", "X-MINE"), ("x" * 32, "X" * 32)],
)
def test_verbs(written: str, verb: str) -> None:
    assert read_verb(written) == verb


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("MIAL", "did you mean 'MAIL'"),
        ("XEXCH5O", "did you mean 'XEXCH50'"),
        ("X" * 33, "letters"),
        (5, "such as MAIL"),
    ],
)
def test_slips_of_the_pen(written: object, hint: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        read_verb(written)
    assert caught.value.context is not None
    assert hint in str(caught.value.context["hint"])


@pytest.mark.parametrize(
    ("written", "glob"), [("<>", ""), ("<a@b>", "a@b"), ("*@example.com", "*@example.com"), ("", ""), ("a>", "a>")]
)
def test_addresses(written: str, glob: str) -> None:
    assert read_address_glob(written) == glob


@pytest.mark.parametrize(
    ("written", "network"),
    [("192.0.2.7", "192.0.2.7/32"), ("192.0.2.0/24", "192.0.2.0/24"), ("2001:DB8::/32", "2001:db8::/32")],
)
def test_networks(written: str, network: str) -> None:
    assert read_network(written) == network


def test_a_network_with_host_bits_has_a_cure() -> None:
    with pytest.raises(PydanticCustomError) as caught:
        read_network("192.0.2.7/24")
    assert caught.value.context is not None
    assert caught.value.context["hint"] == "did you mean '192.0.2.0/24'?"


@pytest.mark.parametrize(
    ("read", "written"),
    [
        (read_word, ""), (read_word, "a b"), (read_word, "a\n"), (read_word, 5), (read_address_glob, "a b"),
        (read_address_glob, None), (read_regex, 5), (read_regex, "("), (read_regex, "€"), (read_regex, "a{9999999999}"),
        (read_regex, "(" * 5000 + ")" * 5000), (read_network, 5), (read_network, "10/8/8"), (read_count, 0),
        (read_count, True), (read_count, 1.0), (read_count, 10**10),
    ],
)  # fmt: skip
def test_what_is_none_of_its_kind(read: Callable[[object], object], written: object) -> None:
    with pytest.raises(PydanticCustomError):
        read(written)


def test_a_regular_expression_is_over_octets() -> None:
    assert read_regex("caf\xe9\\.$") == "caf\xe9\\.$"
