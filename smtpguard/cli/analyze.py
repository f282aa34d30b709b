"""`smtpguard analyze`: one server, or the one that takes a domain's mail, by the Exchange Server Analyzer's checks."""

from __future__ import annotations

import asyncio
import email.utils
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from smtpguard.analyzer.analysis import analyze as run_analysis
from smtpguard.analyzer.connection import RUN_SECONDS, STEP_SECONDS, STEPS_A_PROBE, Limits
from smtpguard.analyzer.findings import Analysis
from smtpguard.analyzer.lookup import Route
from smtpguard.analyzer.report import tell
from smtpguard.analyzer.report_html import as_html
from smtpguard.analyzer.report_json import as_json, schema
from smtpguard.analyzer.report_junit import as_junit
from smtpguard.analyzer.steps import Name, Step, shown
from smtpguard.analyzer.target import DEFAULT_SENDER, Target, TargetError, read_resolver, read_target
from smtpguard.analyzer.via import STRAIGHT, Via, read_via
from smtpguard.cli.errors import UsageError
from smtpguard.progress import LINE_EVERY, LongWork


class Format(StrEnum):
    """How an analysis is reported."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    JUNIT = "junit"


def _print_schema(wanted: bool) -> None:
    if wanted:
        typer.echo(schema(), nl=False)
        raise typer.Exit


def analyze(
    place: Annotated[
        str,
        typer.Argument(
            metavar="HOST[:PORT]",
            help="A mail domain, a server's name or its address; port 25. [NAME] is a host whatever MX it has.",
        ),
    ],
    domain: Annotated[str | None, typer.Option(help="The mail domain, put behind a recipient without one.")] = None,
    recipient: Annotated[
        str | None, typer.Option("--rcpt", help="Who gets the sample messages; Postmaster when left out.")
    ] = None,
    sender: Annotated[str, typer.Option("--from", help="The sample messages' sender.")] = DEFAULT_SENDER,
    no_message: Annotated[bool, typer.Option("--no-message", help="Stop after RCPT and send no message.")] = False,
    timeout: Annotated[float, typer.Option(min=0.1, max=600, help="Seconds for each step.")] = STEP_SECONDS,
    deadline: Annotated[float, typer.Option(min=1, max=86_400, help="Seconds for the whole run.")] = RUN_SECONDS,
    security: Annotated[
        bool, typer.Option("--security", help="Also ask whether a stranger may use XEXCH50 (MS03-046).")
    ] = False,
    compare: Annotated[
        str | None,
        typer.Option(metavar="HOST[:PORT]", help="The same server past the box: say what the box changes on the way."),
    ] = None,
    via: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS|URL",
            help="Connect from this address of this machine, or through a proxy: socks5://HOST:PORT as ssh -D opens.",
        ),
    ] = None,
    resolver: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS[:PORT]", help="The DNS server to ask, in place of this system's."),
    ] = None,
    report: Annotated[Format, typer.Option("--format", help="How to report it.")] = Format.TEXT,
    _schema: Annotated[
        bool,
        typer.Option("--schema", callback=_print_schema, is_eager=True, help="Print the JSON Schema of --format json."),
    ] = False,
) -> None:
    """Test one mail server by the checks of Microsoft's Exchange Server Analyzer, and name the box in the way.

    Examples: smtpguard analyze example.net --no-message

    smtpguard analyze '[mx1.example.net]:2525' --domain example.net --format json

    A name with an MX is a mail domain: its exchangers are tried in the order of preference, and the first that takes
    the connection is tested. Without --no-message the server gets one sample message by DATA, one more whose end comes
    in two segments and, where it offers CHUNKING, one by BDAT; stderr says first who gets them. No probe sends an
    overflow.

    Two vantage points: smtpguard analyze mx1.example.net --compare 10.0.0.25 says what the box between changes;
    smtpguard analyze mx1.example.net --via socks5://127.0.0.1:1080 --compare mx1.example.net looks from outside and
    from here. Past the box no message is sent.

    Exit status: 0 nothing found, 1 warnings, 2 errors found (or bad arguments), 3 could not test.
    """
    with _said():
        target = read_target(place, domain, recipient, sender, not no_message)
    with _said("--resolver "):
        server = read_resolver(resolver) if resolver is not None else None
    with _said("--compare "):
        past = read_target(compare, domain, recipient, sender, False) if compare is not None else None
    with _said("--via "):
        way = read_via(via) if via is not None else STRAIGHT
    limits = Limits(step=timeout, probe=timeout * STEPS_A_PROBE, run=deadline)
    stderr = Console(stderr=True, highlight=False)
    analysis = _run(target, limits, stderr, server=server, security=security, past=past, via=way)
    if report is Format.TEXT:
        tell(Console(highlight=False), analysis)
    else:
        typer.echo({Format.JSON: as_json, Format.HTML: as_html, Format.JUNIT: as_junit}[report](analysis))
    if analysis.exit_status:
        raise typer.Exit(analysis.exit_status)


@contextmanager
def _said(option: str = "") -> Iterator[None]:
    """What can't be read ends as one line, with the ``option`` that it came by."""
    try:
        yield
    except TargetError as error:
        raise UsageError(f"{option}{error}") from None


def _run(
    target: Target,
    limits: Limits,
    stderr: Console,
    *,
    server: tuple[str, int] | None,
    security: bool,
    past: Target | None,
    via: Via,
) -> Analysis:
    def announce(route: Route, first: Target) -> None:
        if first.message:
            way = first.place if len(route.exchangers) < 2 else f"the mail exchangers of {route.name}"
            stderr.print(
                Text(
                    f"Up to three sample messages go to <{first.recipient}> through {way}; "
                    "--rcpt names somebody else, --no-message sends none."
                ),
                soft_wrap=True,
            )

    def watch(title: str, name: Name, step: Step | None) -> None:
        if step is None:
            work.show(f"{title}: {name}")
        elif stderr.is_terminal:
            outcome = shown(step.outcome.encode("utf-8"), 70)
            stderr.print(Text(f"{title}: {name:8} {outcome}", "dim"), soft_wrap=True)

    def progress(number: int, count: int, says: str) -> None:
        stderr.print(Text(f"probe {number} of {count}: {says}", "dim"), soft_wrap=True)

    date, number = email.utils.formatdate(localtime=True), uuid.uuid4().hex
    # Each probe has a line already where stderr is no terminal: one more only where that is long ago.
    with LongWork("analyze", console=stderr, after=None if stderr.is_terminal else LINE_EVERY) as work:
        return asyncio.run(
            run_analysis(
                target,
                date=date,
                number=number,
                limits=limits,
                watch=watch,
                announce=announce,
                server=server,
                security=security,
                progress=progress,
                past=past,
                via=via,
            )
        )
