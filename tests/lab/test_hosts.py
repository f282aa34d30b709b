"""The hosts brought up together: ports that are taken, and a server from outside in the receiver's place."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.dates import Calendar
from smtpguard.lab.errors import LabError
from smtpguard.lab.events import EventLog
from smtpguard.lab.firewall import find_rulebook
from smtpguard.lab.hosts import Address, Hosts, Places, open_hosts, randomness
from smtpguard.lab.message import sample
from smtpguard.lab.receiver.host import ReceiverHost
from smtpguard.lab.receiver.profile import load_profile
from smtpguard.lab.scenario.file import load_scenario

KB818222 = load_scenario("kb818222")
PROFILE = load_profile("exchange-2003")


@pytest.mark.parametrize(
    ("kind", "places"),
    [
        (socket.SOCK_STREAM, lambda place: Places(receiver=place)),
        (socket.SOCK_STREAM, lambda place: Places(firewall=place)),
        (socket.SOCK_DGRAM, lambda place: Places(dns=place)),
    ],
    ids=["receiver", "firewall", "dns"],
)
def test_a_port_that_is_taken_is_one_line_and_nothing_stays_up(
    kind: socket.SocketKind, places: Callable[[Address], Places]
) -> None:
    async def main(taken: Address) -> set[asyncio.Task[object]]:
        events = EventLog(asyncio.get_running_loop().time)
        with pytest.raises(LabError, match=rf"127\.0\.0\.1:{taken[1]}"):
            async with open_hosts(KB818222, find_rulebook("pass"), PROFILE, events, places=places(taken)):
                raise AssertionError("the hosts are up, though a port is taken")
        return asyncio.all_tasks() - {asyncio.current_task()}

    with socket.socket(socket.AF_INET, kind) as taker:
        taker.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taker.listen()
        assert run_virtual(lambda: main(taker.getsockname())) == set()


@pytest.mark.parametrize("firewall", [None, "pass"])
def test_a_real_server_takes_the_receivers_place(firewall: str | None) -> None:
    async def main() -> tuple[Hosts, list[bytes], str]:
        loop = asyncio.get_running_loop()
        calendar, elsewhere = Calendar(KB818222.start, loop.time), EventLog(loop.time)
        outside = ReceiverHost(KB818222.receiver, PROFILE, calendar, elsewhere, randomness(KB818222, "x"), None)
        await outside.start()
        rulebook = None if firewall is None else find_rulebook(firewall)
        places = Places(real_receiver=("127.0.0.1", outside.port))
        async with open_hosts(KB818222, rulebook, PROFILE, EventLog(loop.time), places=places) as hosts:
            (fate,) = await hosts.queues.run([sample()])
        await outside.stop()
        return hosts, [message.content for message in outside.mailbox.messages], fate.outcome

    hosts, arrived, outcome = run_virtual(main)
    assert (hosts.receiver, hosts.firewall is None) == (None, firewall is None)
    assert (arrived, outcome) == ([sample()], "delivered")


def test_each_part_draws_its_own_numbers_from_the_seed() -> None:
    assert randomness(KB818222, "blob").random() == randomness(KB818222, "blob").random()
    assert randomness(KB818222, "blob").random() != randomness(KB818222, "notifier").random()
