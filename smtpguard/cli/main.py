"""The command line: every command hangs here, each in a file of its own.

To add one: import its module and add one line below (``app.command`` or ``app.add_typer``). ``main`` turns errors that
a user can mend into one line on stderr and exit status 2 (see ``cli.errors``); a command that ends with another status
raises ``typer.Exit(code)``.
"""

from __future__ import annotations

import sys
from typing import Annotated, NoReturn

import typer

from smtpguard.cli import analyze, lab, net, policy, reload, serve
from smtpguard.cli.errors import EXIT_BROKEN_PIPE, EXIT_INTERRUPTED, EXIT_USAGE, describe
from smtpguard.cli.streams import drop_output, fill_closed, output_failure
from smtpguard.service.outlook import say

EPILOG = (
    "Start here: `smtpguard policy list` shows the policies, `smtpguard policy show strip-xexch50` one of them. "
    "Exit status: 0 all well, 1 the run did not end as expected, 2 bad input (one line on stderr says what). "
    "Pages named docs/… come with the source."
)

app = typer.Typer(
    name="smtpguard",
    help="An inspecting SMTP relay, firewall simulator and lab for mail that firewalls break.",
    epilog=EPILOG,
    no_args_is_help=False,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(policy.app, name="policy")
app.command()(serve.serve)
app.command()(reload.reload)
app.add_typer(lab.app, name="lab")
app.add_typer(net.app, name="net")
app.command()(analyze.analyze)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"smtpguard {version('smtpguard')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> NoReturn:
    """The console script: run the command of ``sys.argv`` and exit with its status."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit status; errors of the user end as one line on stderr."""
    try:
        fill_closed()
        outcome = app(arguments, prog_name="smtpguard", standalone_mode=False)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as stop:
        return _after_exit(stop)
    except BrokenPipeError:
        return _reader_gone()
    except Exception as error:
        line = describe(output_failure(error) or error)
        if line is None:
            raise
        say(line)
        return EXIT_USAGE
    return outcome if isinstance(outcome, int) else 0


def _after_exit(stop: SystemExit) -> int:
    # Typer answers a broken pipe itself: it wraps stdout against the flush at exit and leaves with status 1.
    if isinstance(stop.__context__, BrokenPipeError):
        return _reader_gone()
    return stop.code if isinstance(stop.code, int) else EXIT_USAGE


def _reader_gone() -> int:
    drop_output()
    return EXIT_BROKEN_PIPE
