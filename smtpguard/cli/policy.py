"""``smtpguard policy``: list, show and check policies, and print their JSON Schema.

What was asked for goes to stdout, problems go to stderr, one a line in the form that editors jump to. Exit status: 0,
or 2 where a policy cannot be found or has a problem.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from smtpguard.cli import policy_diff
from smtpguard.cli.errors import EXIT_USAGE, UsageError
from smtpguard.cli.formats import Format, FormatOption
from smtpguard.policy import library
from smtpguard.policy.compile import compile_policy
from smtpguard.policy.inheritance import Policy
from smtpguard.policy.loader import read_policy
from smtpguard.policy.schema import policy_schema
from smtpguard.progress import LongWork

app = typer.Typer(
    help="List, show and check policies; print their JSON Schema.",
    epilog="A policy is given by its name (see `smtpguard policy list`) or by the path of its YAML file; one of its "
    "variants by a colon and its name, such as isa-2000:reply. "
    "The language is described in docs/policies.md.",
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def _top(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command("list")
def list_policies(form: FormatOption = Format.TEXT) -> None:
    """List the policies that come with smtpguard.

    Example: smtpguard policy list --format json | jq -r '.[] | select(.lies) | .name'
    """
    policies = [_whole(name) for name in library.shipped()]
    if form is Format.JSON:
        typer.echo(json.dumps([_described(policy) for policy in policies], indent=2))
        return
    rows = [row for policy in policies for row in _listed(policy)]
    width = max((len(name) for name, _ in rows), default=0)
    for name, summary in rows:
        typer.echo(f"{name:<{width}}  {summary}")


@app.command("show")
def show_policy(name: Annotated[str, typer.Argument(metavar="NAME", help="A policy's name, or a file.")]) -> None:
    """Show a policy as it is written, and then every policy that it extends.

    Example: `smtpguard policy show strip-xexch50 > mine.yaml` is a start for one of your own.
    """
    first, *others = dict.fromkeys(_family(_whole(name)))
    typer.echo(_page(first))
    for text in others:
        typer.echo(f"---\n{_page(text)}")


@app.command("check")
def check_policies(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Policies to check: files, names, or folders of them.")
    ],
    form: FormatOption = Format.TEXT,
) -> None:
    """Check policies and print every problem with its file, line and column.

    Example: smtpguard policy check mine.yaml /etc/smtpguard

    Exit status: 0 no problem, 2 problems, one a line on stderr.
    """
    results = []
    with LongWork("policy check") as work:
        for each in [each for given in files for each in _in(given)]:
            work.show(f"policy check: reading {each}")
            results.append((each, *read_policy(each)))
    if form is Format.JSON:
        report = [
            {
                "file": given,
                "ok": not problems,
                "problems": [problem.as_dict() for problem in problems],
                "policy": _described(policy) if policy is not None and not problems else None,
            }
            for given, policy, problems in results
        ]
        typer.echo(json.dumps(report, indent=2))
    else:
        for given, policy, problems in results:
            for problem in problems:
                typer.echo(str(problem) if problem.file else f"smtpguard: {problem}", err=True)
            if policy is not None and not problems:
                typer.echo(f"{given}: ok, {_counted(policy)}")
    if any(problems for _, _, problems in results):
        raise typer.Exit(EXIT_USAGE)


app.command("diff")(policy_diff.diff_policies)


@app.command("schema")
def print_schema() -> None:
    """Print the JSON Schema of a policy file, for editors.

    Example: smtpguard policy schema > policy.schema.json, and as the first line of the policy:

      # yaml-language-server: $schema=policy.schema.json
    """
    typer.echo(json.dumps(policy_schema(), indent=2))


def _in(given: str) -> list[str]:
    """``given`` itself, or every policy in the folder that it is."""
    folder = Path(given)
    if "/" not in given and given in library.shipped():
        return [given]
    try:
        found = sorted(
            (path for path in folder.iterdir() if path.suffix in (".yaml", ".yml")), key=lambda path: path.stem
        )
    except PermissionError as error:
        raise UsageError(f"{given}: cannot be read: {error.strerror}") from error
    except (OSError, ValueError):  # no folder, nor can it be one
        return [given]
    if not found:
        raise UsageError(f"{given}: no policy in this folder: expected files that end in .yaml")
    return [str(path) for path in found]


def _listed(policy: Policy) -> Iterator[tuple[str, str]]:
    """The policy, and below it its variants, of which the first is what the bare name means."""
    yield policy.name, policy.model.summary
    for number, (variant, summary) in enumerate(policy.variants.items()):
        yield f"  {policy.name}:{variant}", f"{summary} (the default)" if number == 0 else summary


def _whole(name: str) -> Policy:
    """The policy, or the first problem in it as an error."""
    policy, problems = read_policy(name)
    if policy is None or problems:
        raise problems[0]
    return policy


def _described(policy: Policy) -> dict[str, object]:
    return {
        "name": policy.name,
        "summary": policy.model.summary,
        "source": policy.model.source,
        "mode": policy.setting("mode"),
        "lies": policy.setting("lies"),
        "transparent": compile_policy(policy).transparent,
        "extends": list(policy.extends),
        "variants": policy.variants,
        "rules": [placed.rule.id for placed in policy.rules],
        "file": policy.document.file,
    }


def _counted(policy: Policy) -> str:
    count = len(policy.rules)
    rules = f"{count} rule" if count == 1 else f"{count} rules"
    if policy.variants:
        rules += f", variants {', '.join(policy.variants)}"
    return f"{rules}, alters nothing" if compile_policy(policy).transparent else rules


def _family(policy: Policy) -> Iterator[tuple[str, str, str]]:
    about = [policy.document.file]
    variant = policy.name.partition(":")[2]
    if variant:
        about.append(f"variant {variant} ({policy.model.summary})")
    if policy.extends:
        about.append(f"extends {', '.join(policy.extends)}")
    yield policy.name, ", ".join(about), policy.document.text
    for parent in policy.parents:
        yield from _family(parent)


def _page(entry: tuple[str, str, str]) -> str:
    name, about, text = entry
    return f"# {name}: {about}\n\n{text.rstrip()}"
