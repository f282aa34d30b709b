"""``lab up``: hosts that stay, any of them replaced by another, and what can't be brought up."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.errors import LabError
from smtpguard.lab.message import sample
from smtpguard.lab.up.hosts import stay_up
from smtpguard.lab.up.plan import Wanted, plan
from tests.lab.hosts import converse
from tests.lab.labs import KB818222, Journal, lab


def others() -> set[asyncio.Task[Any]]:
    return asyncio.all_tasks() - {asyncio.current_task()}  # type: ignore[arg-type]


def test_the_scenarios_mail_goes_through_all_three_hosts() -> None:
    async def main() -> Journal:
        async with lab(firewall="pass") as journal:
            await journal.wait_for("fate")
            await journal.wait_for("session")
        return journal

    journal = run_virtual(main)
    event, fields = journal.lines[0]
    assert event == "up"
    assert {*fields} == {"receiver", "firewall", "sender", "dns", "scenario", "policy", "speed"}
    assert (fields["scenario"], fields["policy"], fields["speed"]) == ("kb818222", "pass", 1.0)
    assert journal.named("fate") == [{"host": "sender", "message": 1, "outcome": "delivered", "attempts": 1}]
    assert [stored["octets"] for stored in journal.named("message-stored")] == [len(sample())]
    assert [line["accepted"] for line in journal.named("message")] == [True]


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 172_800), (3600.0, 48)])
def test_the_stall_ends_in_an_ndr_so_many_times_sooner(speed: float, seconds: float) -> None:
    async def main() -> tuple[Journal, float]:
        async with lab(firewall="close-on-xexch50", speed=speed) as journal:
            began = asyncio.get_running_loop().time()
            await journal.wait_for("fate")
            return journal, asyncio.get_running_loop().time() - began

    journal, took = run_virtual(main)
    assert [fate["outcome"] for fate in journal.named("fate")] == ["ndr"]
    assert [ndr["status"] for ndr in journal.named("ndr")] == ["4.4.7"]
    assert len(journal.named("delay-notice")) == 1
    assert took == pytest.approx(seconds, abs=1)


def test_without_a_firewall_the_sender_goes_to_the_receiver() -> None:
    async def main() -> Journal:
        async with lab(firewall="none") as journal:
            await journal.wait_for("fate")
        return journal

    journal = run_virtual(main)
    assert "firewall" not in journal.named("up")[0]
    assert [fate["outcome"] for fate in journal.named("fate")] == ["delivered"]
    assert journal.named("blob-stored") == [{"host": "receiver", "octets": 1020}]


def test_a_client_of_the_users_own_speaks_to_the_firewall() -> None:
    async def main() -> tuple[Journal, bytes]:
        async with lab(firewall="strip-xexch50", sender=False) as journal:
            answer = await converse(journal.place("firewall")[1], b"EHLO a.example\r\nQUIT\r\n")
            await journal.wait_for("session")
        return journal, answer

    journal, answer = run_virtual(main)
    assert {*journal.named("up")[0]} == {"receiver", "firewall", "scenario", "policy", "speed"}
    assert b"XEXCH50" not in answer
    assert b"250-X-LINK2STATE\r\n" in answer
    assert [record["keyword"] for record in journal.named("keyword-stripped")] == ["XEXCH50"]
    assert journal.named("queued") == []


def test_a_server_of_the_users_own_receives() -> None:
    async def main() -> tuple[Journal, Journal]:
        async with lab(firewall="none", sender=False) as outside:
            async with lab(firewall="pass", receiver_at=outside.place("receiver")) as journal:
                await journal.wait_for("fate")
            return outside, journal

    outside, journal = run_virtual(main)
    assert journal.named("up")[0]["receiver"] == outside.named("up")[0]["receiver"]
    assert journal.named("message-stored") == []
    assert len(outside.named("message-stored")) == 1
    assert [fate["outcome"] for fate in journal.named("fate")] == ["delivered"]


def test_a_firewall_of_the_users_own_stands_between() -> None:
    async def main() -> tuple[Journal, Journal]:
        async with lab(firewall="refuse-xexch50", sender=False) as outside:
            async with lab(firewall_at=outside.place("firewall")) as journal:
                await journal.wait_for("fate")
            return outside, journal

    outside, journal = run_virtual(main)
    assert journal.named("up")[0]["firewall"] == outside.named("up")[0]["firewall"]
    assert [record["verb"] for record in outside.named("command-rejected")] == ["XEXCH50"]
    assert len(outside.named("message-stored")) == 1
    assert journal.named("message-stored") == []


@pytest.mark.parametrize("host", ["127.0.0.2", "0.0.0.0"])
def test_the_sender_finds_a_firewall_on_another_address(host: str) -> None:
    async def main() -> Journal:
        async with lab(firewall="pass", listen=(host, 0)) as journal:
            await journal.wait_for("fate")
        return journal

    journal = run_virtual(main)
    assert journal.place("firewall")[0] == host
    assert [fate["outcome"] for fate in journal.named("fate")] == ["delivered"]


def test_dates_are_todays() -> None:
    async def main() -> bytes:
        async with lab(firewall="none", sender=False) as journal:
            return await converse(journal.place("receiver")[1], b"QUIT\r\n")

    banner = run_virtual(main).split(b"\r\n")[0].decode()
    said = parsedate_to_datetime(banner.partition(" ready at  ")[2])
    assert abs(said - datetime.now(UTC)) < timedelta(minutes=5)


def test_what_still_waits_at_the_end_is_told_and_no_task_is_left() -> None:
    async def main() -> tuple[Journal, set[asyncio.Task[Any]]]:
        journal, stop = Journal(), asyncio.Event()
        up = asyncio.create_task(stay_up(plan(KB818222, Wanted(firewall="eat-blob")), journal, stop))
        await journal.wait_for("payload-eaten")
        stop.set()
        await up
        await asyncio.sleep(0)
        return journal, others()

    journal, left = run_virtual(main)
    assert left == set()
    assert journal.named("given-up") == [{"host": "sender", "messages": 1}]
    names = [event for event, _ in journal.lines]
    assert names.index("stopping") < names.index("given-up") < names.index("stopped") == len(names) - 1


@pytest.mark.parametrize(
    ("wanted", "named"),
    [
        (lambda port: {"listen": ("127.0.0.1", port)}, "--listen 127.0.0.1:"),
        (lambda port: {"receiver_listen": ("127.0.0.1", port)}, "--receiver-listen 127.0.0.1:"),
        (lambda port: {"sender_port": port}, "--sender-port "),
    ],
    ids=["firewall", "receiver", "sender"],
)
def test_a_port_that_is_taken(wanted: Callable[[int], dict[str, Any]], named: str) -> None:
    async def main(port: int) -> set[asyncio.Task[Any]]:
        with pytest.raises(LabError, match=f"^{named}{port}: can't listen there: Address already in use"):
            async with lab(firewall="pass", **wanted(port)):
                raise AssertionError("it is up, though a port is taken")
        await asyncio.sleep(0)
        return others()

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run_virtual(lambda: main(port)) == set()


def test_a_receiver_that_is_not_there() -> None:
    async def main(port: int) -> None:
        async with lab(firewall="pass", receiver_at=("127.0.0.1", port)):
            raise AssertionError("it is up without a receiver")

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # bound, not listening: refused
        port = silent.getsockname()[1]
        with pytest.raises(LabError, match=f"--receiver 127.0.0.1:{port}: Connection refused; is the server running"):
            run_virtual(lambda: main(port))


def test_a_loopback_that_the_senders_dns_cannot_name() -> None:
    async def main() -> None:
        async with lab(firewall="pass", listen=("::1", 0)):
            raise AssertionError("it is up")

    with pytest.raises(LabError, match=r"can't send to \[::1\]"):
        run_virtual(main)
