"""What is an address, and what is this host."""

from __future__ import annotations

import pytest

from smtpguard.relay.addresses import Address, is_address, on_loopback, parse_address, show_address


@pytest.mark.parametrize(
    ("host", "address", "here"),
    [
        ("127.0.0.1", True, True), ("127.9.9.9", True, True), ("::1", True, True), ("192.0.2.1", True, False),
        ("2001:db8::1", True, False), ("localhost", False, True), ("127.1", False, False), ("mx.example", False, False),
        ("", False, False),
    ],
)  # fmt: skip
def test_hosts(host: str, address: bool, here: bool) -> None:
    assert is_address(host) is address
    assert on_loopback(host) is here


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:25", ("127.0.0.1", 25)), ("[::1]:25", ("::1", 25)), ("mx.example:1", ("mx.example", 1))],
)
def test_read_and_shown(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert show_address(address) == text


@pytest.mark.parametrize("text", ["127.0.0.1", ":25", "::1:25", "[::1:25", "a:", "a:0", "a:65536", "a:x", "a:٣"])
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected HOST:PORT|in brackets|is no port"):
        parse_address(text)
