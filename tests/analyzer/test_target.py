"""HOST[:PORT] and the envelope; what can't be used is one line."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.target import TargetError, read_target


@pytest.mark.parametrize(
    ("place", "host", "port", "shown"),
    [
        ("mx1.example.net", "mx1.example.net", 25, "mx1.example.net:25"),
        ("mx1.example.net:2525", "mx1.example.net", 2525, "mx1.example.net:2525"),
        ("192.0.2.1:1", "192.0.2.1", 1, "192.0.2.1:1"),
        ("[::1]:2525", "::1", 2525, "[::1]:2525"),
        ("[::1]", "::1", 25, "[::1]:25"),
        ("2001:db8::25", "2001:db8::25", 25, "[2001:db8::25]:25"),
    ],
)
def test_places(place: str, host: str, port: int, shown: str) -> None:
    target = read_target(place)
    assert (target.host, target.port, target.place) == (host, port, shown)


@pytest.mark.parametrize(
    "place",
    ["", ":25", "mx:", "mx:0", "mx:65536", "mx:smtp", "mx:1234567", "[::1", "[::1]25", "m x", "mx\n", "mx\u00e4"],
)
def test_places_that_make_no_sense(place: str) -> None:
    with pytest.raises(TargetError) as caught:
        read_target(place)
    assert "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("domain", "recipient", "expected"),
    [
        (None, None, "Postmaster"),
        ("example.net", None, "Postmaster@example.net"),
        ("@example.net", "test", "test@example.net"),
        ("example.net", "test@example.org", "test@example.org"),
        (None, "test@example.org", "test@example.org"),
    ],
)
def test_recipients(domain: str | None, recipient: str | None, expected: str) -> None:
    assert read_target("mx", domain, recipient).recipient == expected


def test_the_sender_is_the_tools_own_unless_another_is_given() -> None:
    assert read_target("mx").sender == "ExMFA-MailAcceptTest@Fabrikam.com"
    assert read_target("mx", sender="a@example.com").sender == "a@example.com"


@pytest.mark.parametrize(
    "address", ["a b@example.net", "a@example.net\r\nDATA", "<a@example.net>", "\u00e4@example.net"]
)
def test_no_address_can_bring_a_command_of_its_own(address: str) -> None:
    with pytest.raises(TargetError, match="expected one address"):
        read_target("mx", recipient=address)
    with pytest.raises(TargetError, match="expected one address"):
        read_target("mx", sender=address)
    with pytest.raises(TargetError, match="expected one address"):
        read_target("mx", domain=address)


def test_an_address_that_is_too_long() -> None:
    assert read_target("mx", recipient="a" * 254).recipient == "a" * 254
    with pytest.raises(TargetError):
        read_target("mx", recipient="a" * 255)
