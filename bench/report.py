"""The results as tables for people. The same values as ``--format json`` prints, rounded."""

from __future__ import annotations

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from bench.boxes import BARE, HAPROXY

_REFERENCES = {BARE: "x bare", HAPROXY: "x HAProxy", "pass": "x pass"}


def print_report(results: dict[str, Any], console: Console) -> None:
    """Print every phase that ``results`` has, then whether the aims are met."""
    titles = results["boxes"]
    about = results["machine"]
    console.print(
        f"{about['cpus']} CPUs, {about['architecture']}, Linux {about['kernel']}, Python {about['python']}\n"
        "Medians over the rounds, lowest and highest round, ratios to the same round of another box\n",
        highlight=False,
        soft_wrap=True,
    )
    if "sessions" in results:
        title = f"Sessions, each a new connection with one message of {results['message_octets']} octets"
        console.print(_figures(title, "CPU µs", results["sessions"]["boxes"], titles))
    for kind, costs in results.get("bodies", {}).items():
        title = f"Bodies of {results['body_octets'] / 1e6:g} MB after DATA, {kind}"
        console.print(_figures(f"{title}: CPU of the box", "CPU ms", costs["cpu"], titles))
        console.print(_figures(f"{title}: first octet to reply", "wall ms", costs["wall"], titles))
    if "memory" in results:
        console.print(_memory(results["memory"]["boxes"], titles))
    if "inspector" in results:
        alone = results["inspector"]
        console.print(_figures("The Inspector by itself: a session", "CPU µs", alone["sessions"]["boxes"], {}))
        console.print(_figures("The Inspector by itself: a body", "CPU ms", alone["bodies"]["boxes"], {}))
    for aim in results["aims"]:
        verdict = "met" if aim["met"] else "NOT MET"
        line = f"{aim['aim']}: {aim['ratio']:.2f}, aim at most {aim['limit']:g}: {verdict}"
        console.print(line, highlight=False, soft_wrap=True)


def _figures(title: str, unit: str, boxes: dict[str, Any], titles: dict[str, str]) -> Table:
    """One row a box: its median, the lowest and highest round, its ratios."""
    table = _table(title)
    for heading in (unit, "lowest", "highest"):
        table.add_column(heading, justify="right", no_wrap=True)
    for reference in next(iter(boxes.values()))["ratios"]:
        table.add_column(_REFERENCES[reference], justify="right", no_wrap=True)
    for box, figure in boxes.items():
        costs = [_number(figure[key]) for key in ("median", "low", "high")]
        ratios = [f"{ratio:.2f}" for ratio in figure["ratios"].values()]
        table.add_row(titles.get(box, box), *costs, *ratios)
    return table


def _memory(grown: dict[str, float], titles: dict[str, str]) -> Table:
    table = _table("Memory: what an idle session adds to the resident set")
    table.add_column("KiB", justify="right")
    for box, kibibytes in grown.items():
        table.add_row(titles[box], f"{kibibytes:.1f}")
    return table


def _table(title: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("box", no_wrap=True)
    return table


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"
