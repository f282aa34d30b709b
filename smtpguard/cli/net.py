"""``smtpguard net``: turn a router's SMTP connections to the guard, and back.

``plan`` shows, ``up`` does and ``down`` undoes. What was asked for goes to stdout, notes go to stderr; what the host
refuses is one line on stderr with status 2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from smtpguard.cli.errors import UsageError
from smtpguard.cli.formats import Format, FormatOption
from smtpguard.net import applying, host
from smtpguard.net.host import HostError
from smtpguard.net.plan import Mode, PlanError, Wanted, WhenDown, plan

app = typer.Typer(
    help="Turn a router's SMTP connections to the guard on it, and back.",
    epilog="Example: `smtpguard net up --mode tproxy --in eth0`, then `smtpguard serve --intercept tproxy --listen "
    "'*:2525' --policy strip-xexch50`. `up` and `down` need CAP_NET_ADMIN, and the packages nftables and iproute2.",
    rich_markup_mode=None,
)

ModeOption = Annotated[
    Mode,
    typer.Option(help="tproxy: the server goes on seeing the client's address. redirect: it sees the guard's."),
]
InOption = Annotated[list[str], typer.Option("--in", metavar="IFACE", help="Where clients come from; may be repeated.")]
PortsOption = Annotated[str, typer.Option(metavar="PORT,...", help="The servers' ports.")]
ToPortOption = Annotated[int, typer.Option(metavar="PORT", help="The port that the guard listens on.")]
WhenDownOption = Annotated[
    WhenDown,
    typer.Option(
        help="What becomes of new connections while no guard listens: refused with a reset, or passed on uninspected "
        "(with tproxy only)."
    ),
]


@app.callback(invoke_without_command=True)
def _top(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("plan")
def show_plan(
    mode: ModeOption,
    interfaces: InOption,
    ports: PortsOption = "25,587",
    to_port: ToPortOption = 2525,
    when_down: WhenDownOption = WhenDown.REFUSE,
    form: FormatOption = Format.TEXT,
) -> None:
    """Print what `up` does, as a shell script, and how to undo it. Needs no rights and changes nothing.

    Example: smtpguard net plan --mode tproxy --in eth0 --when-down pass
    """
    with _host_errors():
        chosen = plan(Wanted(mode, tuple(interfaces), parse_ports(ports), to_port, when_down))
    typer.echo(json.dumps(chosen.as_dict(), indent=2) if form is Format.JSON else chosen.as_script().rstrip())


@app.command("up")
def bring_up(
    mode: ModeOption,
    interfaces: InOption,
    ports: PortsOption = "25,587",
    to_port: ToPortOption = 2525,
    when_down: WhenDownOption = WhenDown.REFUSE,
    form: FormatOption = Format.TEXT,
) -> None:
    """Turn new connections to the guard. May be run again, also with other options: the new table replaces the old.

    Example: smtpguard net up --mode tproxy --in eth0

    Connections that are open go on as they are. Start the guard first, so that nobody finds a closed door.
    """
    with _host_errors():
        chosen = applying.up(Wanted(mode, tuple(interfaces), parse_ports(ports), to_port, when_down))
    if form is Format.JSON:
        typer.echo(json.dumps({**chosen.as_dict(), "not_forwarding": host.not_forwarding()}, indent=2))
    else:
        typer.echo(
            f"{mode}: new connections from {', '.join(interfaces)} to port {ports} go to the guard on port {to_port}; "
            "`smtpguard net down` undoes it"
        )
    for switch in host.not_forwarding():
        typer.echo(f"smtpguard: note: {switch} is 0: without the guard this host passes no mail on", err=True)


@app.command("down")
def take_down(
    mode: Annotated[Mode | None, typer.Option(help="Not needed; taken so that the line of `up` serves here.")] = None,
    interfaces: Annotated[list[str] | None, typer.Option("--in", metavar="IFACE", help="Not needed.")] = None,
    ports: Annotated[str | None, typer.Option(metavar="PORT,...", help="Not needed.")] = None,
    to_port: Annotated[int | None, typer.Option(metavar="PORT", help="Not needed.")] = None,
    when_down: Annotated[WhenDown | None, typer.Option(help="Not needed.")] = None,
    form: FormatOption = Format.TEXT,
) -> None:
    """Leave nothing of it: table, routing rules and routes, also after an `up` that was broken off.

    Example: smtpguard net down

    Stop the guard first: it lets transactions end. A connection that is open when the table goes is lost, and its
    client comes again.
    """
    with _host_errors():
        removed = applying.down()
    if form is Format.JSON:
        typer.echo(json.dumps({"removed": removed}))
    else:
        typer.echo("removed: connections are routed as before" if removed else "there was nothing to remove")


def parse_ports(text: str) -> tuple[int, ...]:
    """``25,587`` as numbers, each once. Raises UsageError."""
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if not (part.isascii() and part.isdigit() and 1 <= int(part) <= 65535):
            raise UsageError(f"--ports {text}: {part or 'nothing'!r} is no port; expected such as 25,587")
    return tuple(dict.fromkeys(int(part) for part in parts))


@contextmanager
def _host_errors() -> Iterator[None]:
    """What can't be planned or what the host refuses ends as one line and exit status 2."""
    try:
        yield
    except (PlanError, HostError) as error:
        raise UsageError(str(error)) from None
