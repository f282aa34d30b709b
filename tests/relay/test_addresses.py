"""What is an address, and what is this host."""

from __future__ import annotations

import pytest

from smtpguard.relay.addresses import is_address, on_loopback


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
