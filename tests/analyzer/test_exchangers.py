"""From a domain to the exchanger that answers, as a sender goes: DNS and servers of the lab over real sockets."""

from __future__ import annotations

import socket
from collections.abc import Sequence

from smtpguard.analyzer.analysis import analyze, conclude
from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.findings import Analysis
from smtpguard.analyzer.lookup import Exchanger as Place
from smtpguard.analyzer.lookup import Route
from smtpguard.analyzer.steps import Step
from smtpguard.analyzer.target import Target
from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dns.mx import Exchanger
from smtpguard.lab.dns.server import DnsServer
from smtpguard.lab.dns.zones import Zones
from tests.analyzer.analyzing import DATE
from tests.lab.hosts import receiving

# The receiver listens on 127.0.0.1 alone: nothing answers at the other addresses.
UP, DOWN, DOWN_TOO = "127.0.0.1", "127.0.0.77", "127.0.0.78"


def analyzed(*addresses: Sequence[str], domain: str = "example.net") -> tuple[Analysis, list[tuple[str, str]]]:
    """An analysis of example.net, whose n-th MX has the n-th of ``addresses``; and whom the announcement named."""
    hosts = {f"mx{number}.example.net": tuple(own) for number, own in enumerate(addresses, 1)}
    zones = Zones(
        mx={"example.net": tuple(Exchanger(preference=10 * n, host=host) for n, host in enumerate(hosts, 1))},
        a={host: own for host, own in hosts.items() if own},
    )
    told: list[tuple[str, str]] = []

    async def whole() -> Analysis:
        def announce(route: Route, first: Target) -> None:
            told.append((first.place.partition(":")[0], first.recipient))

        server = DnsServer(zones)
        await server.start()
        try:
            async with receiving() as host:
                return await analyze(
                    Target(domain, host.port),
                    date=DATE,
                    number="1",
                    limits=Limits(),
                    watch=lambda title, name, step: None,
                    announce=announce,
                    server=server.address,
                )
        finally:
            await server.stop()

    return run_virtual(whole), told


def rules(analysis: Analysis) -> list[str]:
    return [check.rule.id for check in analysis.findings]


def test_a_domain_whose_first_exchanger_answers() -> None:
    analysis, told = analyzed([UP], [DOWN])
    assert rules(analysis) == []
    assert analysis.exit_status == 0
    assert analysis.target.host == "mx1.example.net"
    assert analysis.route is not None
    assert analysis.route.tested == "mx1.example.net"
    assert told == [("mx1.example.net", "Postmaster@example.net")]


def test_the_next_exchanger_is_tested_where_the_first_is_down_and_a_warning_says_so() -> None:
    analysis, _ = analyzed([DOWN], [], [DOWN_TOO, UP])
    assert rules(analysis) == ["exchanger-unreachable"]
    assert analysis.exit_status == 1
    assert analysis.target.host == "mx3.example.net"
    assert analysis.target.address == UP
    detail = analysis.findings[0].verdict.detail
    assert f"10 mx1.example.net: [{DOWN}] nothing listens there: connection refused" in detail
    assert "20 mx2.example.net: DNS has no address for it" in detail
    assert detail.endswith("tested was mx3.example.net")


def test_no_exchanger_answers() -> None:
    analysis, _ = analyzed([DOWN], [DOWN_TOO])
    assert rules(analysis) == ["closed-port"]
    assert analysis.exit_status == 3
    detail = analysis.findings[0].verdict.detail
    assert "10 mx1.example.net" in detail
    assert "20 mx2.example.net" in detail


def test_a_run_that_is_over_before_the_last_exchanger_says_how_far_it_came() -> None:
    route = Route("example.net", "mx", (Place("mx1.example.net", 10, (DOWN,)), Place("mx2.example.net", 20, (UP,))))
    route = route.without(route.exchangers[0], DOWN, "no connection: nothing came back in 30 seconds")
    analysis = conclude(Target("mx2.example.net"), (Step("connect", failure="late"),), (), route=route)
    assert rules(analysis) == ["out-of-time"]
    assert analysis.findings[0].verdict.detail == (
        f"10 mx1.example.net: [{DOWN}] no connection: nothing came back in 30 seconds; 20 mx2.example.net: not tried"
    )


def test_a_name_that_does_not_exist_is_one_finding_and_nothing_is_announced() -> None:
    analysis, told = analyzed([UP], domain="example.org")
    assert rules(analysis) == ["unresolvable-host"]
    assert analysis.exit_status == 3
    assert told == []


def test_the_loopback_addresses_that_are_down_are_down() -> None:
    """What the tests above rest on: nothing of this machine listens on these addresses at the receiver's port."""
    with socket.socket() as one:
        one.bind((UP, 0))
        one.listen()
        with socket.socket() as other:
            assert other.connect_ex((DOWN, one.getsockname()[1])) != 0
