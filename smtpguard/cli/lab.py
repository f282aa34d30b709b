"""`smtpguard lab`: the commands of the lab, one file each."""

from __future__ import annotations

import typer

from smtpguard.cli import lab_list, lab_matrix, lab_run, lab_story, lab_up

app = typer.Typer(
    help="Send mail through a firewall and watch what becomes of it.",
    epilog="Start here: `smtpguard lab story`, then `smtpguard lab list` and `smtpguard lab run kb818222 --firewall "
    "strip-xexch50`. docs/lab.md has the rest, scenarios of your own among it.",
    rich_markup_mode=None,
)
app.command("run")(lab_run.run)
app.command("list")(lab_list.list_scenarios)
app.command("matrix")(lab_matrix.matrix)
app.command("story")(lab_story.story)
app.command("up")(lab_up.up)


@app.callback(invoke_without_command=True)
def _top(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
