"""`smtpguard lab up`: the hosts of a scenario stay up in real time, until SIGTERM or Ctrl-C.

The journal goes to stdout as JSON lines; the first, ``up``, says where each host listens. Bad input ends as one line on
stderr with status 2, before that line.
"""

from __future__ import annotations

import asyncio
import errno
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from smtpguard.cli.errors import UsageError
from smtpguard.cli.lab_options import lab_errors
from smtpguard.cli.serve import parse_address
from smtpguard.lab.scenario.file import load_scenario, placed
from smtpguard.lab.up.hosts import stay_up
from smtpguard.lab.up.plan import Plan, Wanted, plan
from smtpguard.lab.up.real_clock import run_real
from smtpguard.relay.addresses import Address
from smtpguard.service.outlook import open_journal
from smtpguard.service.signals import STOPS, heed_no_more

FASTEST = 1_000_000.0

_PLACE = "HOST:PORT"


class Clock(StrEnum):
    """Hosts that stay up know one clock; runs on the clock that jumps are `smtpguard lab run`."""

    REAL = "real"


def up(
    scenario: Annotated[str, typer.Argument(help="A scenario's name (`smtpguard lab list`) or a file.")] = "kb818222",
    firewall: Annotated[
        str | None, typer.Option(help="A policy's name or file, or none; the scenario's own when left out.")
    ] = None,
    clock: Annotated[Clock, typer.Option(help="Hosts that stay up keep real time.")] = Clock.REAL,
    speed: Annotated[float, typer.Option(help="The lab sender's retries, time-outs and expiry go this fast.")] = 1.0,
    listen: Annotated[
        str | None, typer.Option(metavar=_PLACE, help="Where the firewall listens; a free port when left out.")
    ] = None,
    sender_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where the lab's sender takes mail on 127.0.0.1.")
    ] = None,
    receiver_listen: Annotated[
        str | None, typer.Option(metavar=_PLACE, help="Where the lab's receiver listens.")
    ] = None,
    receiver: Annotated[
        str | None, typer.Option(metavar=_PLACE, help="A server of your own in the receiver's place.")
    ] = None,
    firewall_at: Annotated[
        str | None, typer.Option(metavar=_PLACE, help="A firewall of your own: the lab's sender sends there.")
    ] = None,
    no_sender: Annotated[
        bool, typer.Option("--no-sender", help="No lab sender: attach a client of your own to the firewall.")
    ] = False,
) -> None:
    """Keep sender, firewall and receiver up on real sockets; any of them may be one of your own.

    Example: smtpguard lab up kb818222 --speed 600 --listen 127.0.0.1:2525

    The journal goes to stdout as JSON lines; the first says where each host listens. SIGTERM or Ctrl-C ends it, with
    exit status 0; 2 is bad input. docs/lab.md has a server, a client and a firewall of your own in it.
    """
    if not 1 <= speed <= FASTEST:
        raise UsageError(f"--speed {speed:g}: expected a number from 1 to {FASTEST:.0f}")
    wanted = Wanted(
        firewall=None if firewall is None else placed(firewall, Path()),
        listen=_address(listen, "--listen", 0),
        receiver_listen=_address(receiver_listen, "--receiver-listen", 0),
        sender_port=sender_port,
        receiver_at=_address(receiver, "--receiver", 1),
        firewall_at=_address(firewall_at, "--firewall-at", 1),
        sender=not no_sender,
        speed=speed,
    )
    with lab_errors():
        chosen = plan(load_scenario(scenario), wanted)
        run_real(lambda: _until_stopped(chosen))


def _address(given: str | None, option: str, lowest: int) -> Address | None:
    return None if given is None else parse_address(given, option, lowest=lowest)


async def _until_stopped(chosen: Plan) -> None:
    """Until SIGTERM or Ctrl-C: a wait for a receiver is given up at once, hosts that are up end in order."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    is_up = False
    loss: OSError | None = None

    def end_without_output(error: OSError) -> None:
        """Nobody reads the journal any more (`... | head`), or the disk is full."""
        nonlocal loss
        if error.errno != errno.EAGAIN:  # who reads slowly may go on to read
            loss = error
            stop.set()

    journal = open_journal(loop.call_later, end_without_output)

    def tell(event: str, fields: dict[str, object]) -> None:
        nonlocal is_up
        is_up = is_up or event == "up"
        journal(event, fields)

    staying = loop.create_task(stay_up(chosen, tell, stop))

    def end() -> None:
        stop.set()
        if not is_up:
            staying.cancel()

    for number in STOPS:
        loop.add_signal_handler(number, end)
    try:
        await asyncio.wait([staying])
        if not staying.cancelled():
            staying.result()
    finally:
        journal.close()
    heed_no_more(loop)
    if loss is not None:
        raise loss
