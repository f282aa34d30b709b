"""``smtpguard serve``: the guard inline, between a listener and an upstream, until SIGTERM.

The journal goes to stdout, one JSON line an event; the first says where it listens. Bad input ends as one line on
stderr with status 2, before anything listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from smtpguard.cli.errors import UsageError
from smtpguard.cli.serve_tls import contexts, warn, with_client, with_tls
from smtpguard.journal.tally import RuleTally
from smtpguard.journal.writer import Journal
from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Rulebook
from smtpguard.relay.guard import Guard
from smtpguard.relay.interception import Address, Intercept, InterceptError, Interception
from smtpguard.relay.proxy_settings import ProxyVersion
from smtpguard.relay.settings import ConfigError, RelaySettings, load_settings
from smtpguard.relay.tls_contexts import TlsContexts
from smtpguard.relay.tls_settings import TlsMode

PROBE_SECONDS = 10.0
"""How long the upstream may take to accept the one connection that ``serve`` tries before it listens."""


def serve(
    policy: Annotated[
        str,
        typer.Option(
            metavar="NAME-or-FILE", help="One of `smtpguard policy list`, or a file; a variant: NAME:VARIANT."
        ),
    ],
    listen: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where clients connect; port 0 takes a free one, HOST * every address."),
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
        bool, typer.Option("--observe", help="Touch nothing: only say what the policy would have done.")
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
        bool, typer.Option("--no-verify", help="Take any certificate of the server's, a self-signed one too.")
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
) -> None:
    """Relay SMTP from a listener to a server and apply a policy on the way.

    Example: smtpguard serve --listen 0.0.0.0:25 --upstream 127.0.0.1:2525 --policy strip-xexch50

    The journal goes to stdout as JSON lines: one event a decision, one summary a session. SIGTERM or Ctrl-C lets open
    transactions end, then says 421 to who is left.

    TLS looked into, on both legs: --tls bridge --cert mx.pem --key mx.key, and --tls-listen '*:465' for clients that
    begin with TLS. docs/tls.md has the rest, several certificates and the server's own among it.

    On a router: `smtpguard net up --mode tproxy --in eth0`, then smtpguard serve --intercept tproxy --listen '*:2525'
    --policy strip-xexch50. Servers go on seeing their clients' own addresses.

    A policy that is new to you: try it with --observe, or with --shadow beside the one that is in force. Records of
    what it would have done carry `observed` (and `shadow`); `rule-tally` lines count them, a rule and a peer, every
    five minutes.
    """
    settings = RelaySettings()
    if config is not None:
        try:
            settings = load_settings(config)
        except ConfigError as error:
            raise UsageError(str(error)) from error
    settings = with_tls(settings, mode=tls, certificate=cert, key=key, no_verify=no_verify)
    settings = with_client(settings, accept=proxy_protocol, send=send_proxy, xclient=xclient)
    listen_address = None if listen is None else parse_address(listen, "--listen", lowest=0)
    tls_address = None if tls_listen is None else parse_address(tls_listen, "--tls-listen", lowest=0)
    if listen_address is None and tls_address is None:
        raise UsageError("missing option '--listen': where clients connect; see `smtpguard serve --help`")
    upstream_address = None if upstream is None else parse_address(upstream, "--upstream", lowest=1)
    towards = Interception(intercept, upstream_address) if intercept is not None else upstream_address
    if towards is None:
        raise UsageError("missing option '--upstream': the server behind the guard; see `smtpguard serve --help`")
    certificates = contexts(settings.tls, listen=listen_address, tls_listen=tls_address, upstream=upstream_address)
    warn(settings.tls)
    rulebook = load_policy(policy, observe=observe)
    shadow_book = load_policy(shadow, observe=True) if shadow is not None else None
    _spare_the_collector()
    _runner()(
        _serve(
            rulebook,
            shadow_book,
            (listen_address, tls_address),
            upstream_address,
            towards,
            settings,
            certificates,
            transcripts=transcripts,
        )
    )


def parse_address(text: str, option: str, *, lowest: int) -> Address:
    """HOST:PORT or [IPv6]:PORT. Raises UsageError; ``lowest`` is the least port that makes sense."""
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise UsageError(f"{option} {text}: expected HOST:PORT, such as 127.0.0.1:2525")
    if host.startswith("[") != host.endswith("]") or (":" in host and not host.startswith("[")):
        raise UsageError(f"{option} {text}: an IPv6 address stands in brackets, such as [::1]:2525")
    if not (port.isascii() and port.isdigit()) or not lowest <= int(port) <= 65535:
        raise UsageError(f"{option} {text}: {port or 'nothing'!r} is no port; expected {lowest} to 65535")
    return host.strip("[]"), int(port)


def _spare_the_collector() -> None:
    """What is loaded now stays for good, and a session is some sixty objects that point at one another: collecting
    every 700 of them, as Python does by default, costs more than it frees."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def _runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    try:
        import uvloop
    except ImportError:  # a platform without uvloop: asyncio's own loop does the same, more slowly
        return asyncio.run
    return uvloop.run


async def _serve(
    rulebook: Rulebook,
    shadow: Rulebook | None,
    listens: tuple[Address | None, Address | None],
    upstream: Address | None,
    towards: Address | Interception,
    settings: RelaySettings,
    certificates: TlsContexts,
    *,
    transcripts: bool,
) -> None:
    if upstream is not None:
        await _probe(upstream)
    loop = asyncio.get_running_loop()
    # Unbuffered: what could not be written must not come up again when Python ends.
    stream = open(sys.stdout.fileno(), "wb", buffering=0, closefd=False)  # noqa: SIM115, ASYNC230 - stdout itself
    journal = Journal(stream, loop.call_later, _report_loss)
    # Sessions of two runs must not share an id in one journal.
    run = f"{int(time.time()):x}-{os.getpid():x}-"
    tally = RuleTally(journal, loop.call_later)
    interception = towards if isinstance(towards, Interception) else None
    guard = Guard(
        rulebook,
        listen=listens[0],
        tls_listen=listens[1],
        tls=certificates,
        upstream=towards,
        journal=tally,
        settings=settings,
        run=run,
        shadow=shadow,
        transcripts=transcripts,
    )
    try:
        await guard.start()
    except InterceptError as error:
        raise UsageError(f"--intercept: {error}") from error
    except (OSError, UnicodeError) as error:
        raise UsageError(_deaf(guard, listens, error)) from error
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    journal(
        "listening",
        {
            "address": (listens[0] or listens[1] or ("", 0))[0],
            "port": guard.port,
            **({"tls_address": listens[1][0], "tls_port": guard.tls_port} if listens[1] is not None else {}),
            **({"starttls": settings.tls.mode} if settings.tls.mode != "tunnel" else {}),
            **({"upstream": _text(upstream)} if upstream is not None else {}),
            **({"intercept": str(interception.mode)} if interception is not None else {}),
            "policy": rulebook.name,
            **({"mode": "observe"} if rulebook.meant else {}),
            **({"shadow": shadow.name} if shadow is not None else {}),
        },
    )
    if settings.tls.mode == "strip":
        journal("tls-stripped", {"warning": "mail and passwords cross the network in clear"})
    journal.flush()
    try:
        await stop.wait()
        journal("stopping", {"sessions": guard.sessions, "grace": settings.drain})
        await guard.stop()
        tally.write()
        journal("stopped", {})
    finally:
        journal.flush()


def _deaf(guard: Guard, listens: tuple[Address | None, Address | None], error: OSError | UnicodeError) -> str:
    """Which of the two listeners there can't be, and why."""
    plain, encrypted = listens
    first = plain is not None and not guard.listening
    address = plain if first or encrypted is None else encrypted
    option = "--listen" if address is plain else "--tls-listen"
    host = address[0] if address is not None else ""
    where = f"{option} {_text(address)}" if address is not None else option
    if isinstance(error, UnicodeError):
        return f"{where}: {host!r} is no host name"
    return f"{where}: can't listen there: {error.strerror or error}; choose another port"


def _report_loss(error: OSError) -> None:
    reason = error.strerror or str(error)
    print(f"smtpguard: the journal can't be written: {reason}; mail goes on without it", file=sys.stderr)  # noqa: T201


async def _probe(upstream: Address) -> None:
    """One connection to the upstream, so that a wrong address is found before mail depends on it."""
    try:
        async with asyncio.timeout(PROBE_SECONDS):
            _, writer = await asyncio.open_connection(*upstream)
    except TimeoutError as error:
        raise UsageError(f"--upstream {_text(upstream)}: no answer in {PROBE_SECONDS:.0f} s; is it running?") from error
    except UnicodeError as error:
        raise UsageError(f"--upstream {_text(upstream)}: {upstream[0]!r} is no host name") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else (error.strerror or str(error))
        raise UsageError(f"--upstream {_text(upstream)}: {reason}; is the server running there?") from error
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def _text(address: Address) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
