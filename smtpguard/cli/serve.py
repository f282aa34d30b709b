"""``smtpguard serve``: the guard inline, between a listener and an upstream, until SIGTERM.

The journal goes to stdout, one JSON line an event; the first says where it listens. Bad input ends as one line on
stderr with status 2, before anything listens.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Annotated

import typer

from smtpguard.cli.errors import UsageError
from smtpguard.cli.serve_tls import contexts, warn, with_client, with_tls
from smtpguard.progress import LongWork
from smtpguard.relay.addresses import Address
from smtpguard.relay.addresses import parse_address as read_address
from smtpguard.relay.interception import Intercept
from smtpguard.relay.proxy_settings import ProxyVersion
from smtpguard.relay.settings import RelaySettings
from smtpguard.relay.tls_contexts import TlsContexts
from smtpguard.relay.tls_settings import TlsMode
from smtpguard.service.orders import Orders, read
from smtpguard.service.running import toward
from smtpguard.service.single import serve_alone
from smtpguard.service.supervisor import serve_by_workers
from smtpguard.service.systemd import Systemd
from smtpguard.service.tracing import check_traces

SYSTEMD = "systemd"
"""In place of an address: the sockets that systemd holds."""


def serve(
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME-or-FILE", help="One of `smtpguard policy list`, or a file; a variant: NAME:VARIANT."
        ),
    ],
    listen: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Where clients connect; port 0 takes a free one, HOST * every address; or `systemd`: its sockets.",
        ),
    ] = None,
    tls_listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where clients speak TLS from the first octet on, such as *:465."),
    ] = None,
    upstream: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="The SMTP server behind the guard. With --intercept it may be left out: it serves only those who "
            "call the guard itself.",
        ),
    ] = None,
    intercept: Annotated[
        Intercept | None,
        typer.Option(help="Take connections to other hosts, which `smtpguard net up` turns here, and go on to those."),
    ] = None,
    observe: Annotated[
        bool,
        typer.Option("--observe", help="The policy touches nothing: the journal only says what it would have done."),
    ] = False,
    shadow: Annotated[
        str | None,
        typer.Option(
            metavar="NAME-or-FILE", help="A second policy that only observes, beside the first, at no risk to mail."
        ),
    ] = None,
    transcripts: Annotated[
        bool,
        typer.Option(
            "--transcripts",
            help="Put what was said into each session's journal line, messages and AUTH masked: for `policy diff`.",
        ),
    ] = False,
    tls: Annotated[
        TlsMode | None,
        typer.Option(
            help="What becomes of STARTTLS. tunnel (the default): from there on nothing is inspected; bridge: TLS ends "
            "here, is looked into and begun anew towards the server; refuse: answer 454; strip: hide it, too."
        ),
    ] = None,
    cert: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The certificate for --tls bridge and --tls-listen, PEM.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Its key, PEM; left out, it is in the file of --cert.")
    ] = None,
    no_verify: Annotated[
        bool,
        typer.Option(
            "--no-verify",
            help="In a bridge or behind --tls-listen, take any certificate of the server's, a self-signed one too.",
        ),
    ] = False,
    proxy_protocol: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK[,…]",
            help="Proxies before the guard: their connections must begin with a PROXY header, nobody else's may.",
        ),
    ] = None,
    send_proxy: Annotated[
        ProxyVersion | None,
        typer.Option(help="Tell the server who the client is by a PROXY header; it must expect it."),
    ] = None,
    xclient: Annotated[
        bool, typer.Option("--xclient", help="Tell the server who the client is by XCLIENT, where it offers that.")
    ] = False,
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Limits, deadlines, TLS in YAML, such as `max_sessions: 500`.")
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes that share the work, under one that looks after them.")
    ] = 1,
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT",
            help="Figures for Prometheus at /metrics, and /healthz and /readyz, in clear, for all who reach it, so "
            "keep it on loopback or a network of your own.",
        ),
    ] = None,
    traces: Annotated[
        bool, typer.Option("--traces", help="Traces for OpenTelemetry, to where OTEL_EXPORTER_OTLP_ENDPOINT says.")
    ] = False,
    pid_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where `smtpguard reload` finds the guard.")
    ] = None,
) -> None:
    """Relay SMTP from a listener to a server and apply a policy on the way.

    Example: smtpguard serve --listen 0.0.0.0:25 --upstream 127.0.0.1:2525 --policy strip-xexch50

    The journal goes to stdout as JSON lines: one event a decision, one summary a session. SIGTERM or Ctrl-C lets open
    transactions end, then says 421 to who is left.

    TLS looked into, on both legs: --tls bridge --cert mx.pem --key mx.key, and --tls-listen '*:465' for clients that
    begin with TLS. docs/tls.md has the rest, several certificates and the server's own among it.

    On a router: `smtpguard net up --mode tproxy --in eth0`, then smtpguard serve --intercept tproxy --listen '*:2525'
    --policy strip-xexch50. Servers go on seeing their clients' own addresses.

    Under a socket unit: --listen systemd. SIGHUP, or `smtpguard reload`, reads policy, settings and certificates anew:
    sessions that begin afterwards are under the new ones. A file with a mistake changes nothing, and stderr and journal
    say why.

    A policy that is new to you: try it with --observe, or with --shadow beside the one that is in force. Records of
    what it would have done carry `observed` (and `shadow`); `rule-tally` lines count them, a rule and a peer, every
    five minutes.
    """
    systemd = Systemd.from_environment()
    by_systemd = listen == SYSTEMD
    listen_address = None if listen is None or by_systemd else parse_address(listen, "--listen", lowest=0)
    tls_address = None if tls_listen is None else parse_address(tls_listen, "--tls-listen", lowest=0)
    if listen is None and tls_listen is None:
        raise UsageError("missing option '--listen': where clients connect; see `smtpguard serve --help`")
    upstream_address = None if upstream is None else parse_address(upstream, "--upstream", lowest=1)

    def settle(settings: RelaySettings) -> tuple[RelaySettings, TlsContexts]:
        settings = with_tls(settings, mode=tls, certificate=cert, key=key, no_verify=no_verify)
        settings = with_client(settings, accept=proxy_protocol, send=send_proxy, xclient=xclient)
        servers = [server for server in (upstream_address, settings.failure.second) if server is not None]
        return settings, contexts(settings.tls, clear=listen is not None, tls_listen=tls_address, servers=servers)

    orders = Orders(
        settle=settle,
        listen=listen_address,
        tls_listen=tls_address,
        upstream=upstream_address,
        policy=policy,
        by_systemd=by_systemd,
        intercept=intercept,
        observe=observe,
        shadow=shadow,
        config=config,
        workers=workers,
        metrics=None if metrics is None else parse_address(metrics, "--metrics", lowest=0),
        pid_file=pid_file,
        transcripts=transcripts,
        traces=traces,
    )
    if traces:
        check_traces()
    toward(orders)
    with LongWork("reading policy, settings and certificates"):
        in_force = read(orders)
    warn(in_force.settings.tls)
    sockets = None
    if by_systemd:
        sockets = systemd.sockets(), ()
        if not sockets[0]:
            raise UsageError("--listen systemd: systemd has handed over no socket; start the guard by its socket unit")
        if tls_listen is not None:
            raise UsageError("--listen systemd goes without --tls-listen; run a second guard for that")
    _spare_the_collector()
    if workers == 1:
        serve_alone(orders, in_force, systemd, sockets)
    elif status := serve_by_workers(orders, in_force, systemd, sockets):
        raise typer.Exit(status)


def parse_address(text: str, option: str, *, lowest: int) -> Address:
    """HOST:PORT or [IPv6]:PORT. Raises UsageError; ``lowest`` is the least port that makes sense."""
    try:
        return read_address(text, lowest=lowest)
    except ValueError as error:
        raise UsageError(f"{option} {text}: {error}") from error


def _spare_the_collector() -> None:
    """What is loaded now stays for good, and a session is some sixty objects that point at one another: collecting
    every 700 of them, as Python does by default, costs more than it frees."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
