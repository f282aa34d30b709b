"""Which addresses a word stands for: CIDRs, the two predefined names, a policy's own groups."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from smtpguard.policy.networks import looks_like_network, membership

GROUPS = {"partners": ("192.0.2.0/24", "2001:db8::/32"), "internal": ("198.51.100.0/24",)}


@pytest.mark.parametrize(
    ("words", "inside", "outside"),
    [
        (("192.0.2.7",), ["192.0.2.7", "::ffff:192.0.2.7"], ["192.0.2.8", "::c000:207"]),
        (("partners",), ["192.0.2.0", "192.0.2.255", "2001:db8:ffff::1"], ["192.0.3.0", "2001:db9::"]),
        (("partners", "203.0.113.0/30"), ["192.0.2.1", "203.0.113.3"], ["203.0.113.4"]),
        (("::ffff:0:0/96",), [], ["192.0.2.7", "::ffff:192.0.2.7"]),
    ],
)
def test_words_and_groups(words: tuple[str, ...], inside: list[str], outside: list[str]) -> None:
    test = membership(words, GROUPS)
    assert [test(ip_address(address)) for address in (*inside, *outside)] == [True] * len(inside) + [False] * len(
        outside
    )


@pytest.mark.parametrize(
    "address",
    ["10.255.255.255", "172.31.0.1", "192.168.0.1", "127.0.0.1", "::1", "169.254.1.1", "fe80::1", "fdff::",
     "::ffff:10.0.0.1"],
)  # fmt: skip
def test_internal_is_what_the_rfcs_keep_off_the_net(address: str) -> None:
    assert membership(("internal",), {})(ip_address(address))
    assert not membership(("external",), {})(ip_address(address))


@pytest.mark.parametrize("address", ["11.0.0.0", "172.32.0.0", "192.169.0.0", "198.51.100.1", "fe00::1", "2001:db8::1"])
def test_external_is_every_other_address(address: str) -> None:
    assert not membership(("internal",), {})(ip_address(address))
    assert membership(("external",), {})(ip_address(address))


def test_a_policy_that_says_what_is_internal_moves_the_border() -> None:
    internal, external = membership(("internal",), GROUPS), membership(("external",), GROUPS)
    for address, within in (("198.51.100.1", True), ("10.0.0.1", False), ("203.0.113.1", False)):
        assert internal(ip_address(address)) is within
        assert external(ip_address(address)) is not within


def test_a_group_of_that_name_is_the_policys_own() -> None:
    external = membership(("external",), {"external": ("192.0.2.0/24",)})
    assert external(ip_address("192.0.2.1"))
    assert not external(ip_address("203.0.113.1"))


def test_external_beside_a_network_inside() -> None:
    either = membership(("external", "10.1.0.0/16"), {})
    assert [either(ip_address(address)) for address in ("10.1.2.3", "10.2.0.0", "203.0.113.1")] == [True, False, True]


@pytest.mark.parametrize(
    ("word", "meant"),
    [("10.0.0.1", True), ("10.0.0.300", True), ("a/b", True), ("::g", True), ("partners", False), ("internal", False)],
)
def test_what_is_meant_as_a_network(word: str, meant: bool) -> None:
    assert looks_like_network(word) is meant
