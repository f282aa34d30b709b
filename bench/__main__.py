"""``python -m bench``: the command line of the benchmark.

Exit status 0 when everything was measured, whether or not an aim is met (a busy machine is no failure); 2 with one
clear line on standard error when something could not be.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import uvloop
from rich.console import Console

from bench.boxes import BARE, GUARDS, HAPROXY, haproxy_program
from bench.errors import BenchError
from bench.plan import MIN_ROUNDS, PHASES, QUICK, Plan
from bench.progress import Progress
from bench.report import print_report
from bench.run import Results, run


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark that the arguments ask for; returns the exit status."""
    asked = _parser().parse_args(arguments)
    plan = QUICK if asked.quick else Plan()
    if asked.rounds is not None:
        plan = replace(plan, rounds=asked.rounds)
    progress = Progress(quiet=asked.format == "json" and not sys.stderr.isatty())
    try:
        names = chosen_boxes(asked.boxes)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            results = runner.run(_until_terminated(run(plan, names, asked.only or PHASES, progress)))
    except BenchError as error:
        progress.clear()
        print(f"bench: {error}", file=sys.stderr)
        return 2
    except (KeyboardInterrupt, asyncio.CancelledError) as ended:
        progress.clear()
        return 128 + (signal.SIGINT if isinstance(ended, KeyboardInterrupt) else signal.SIGTERM)
    progress.clear()
    if asked.format == "json":
        print(json.dumps(results, indent=2))
    else:
        print_report(results, Console())
    return 0


async def _until_terminated(running: Coroutine[Any, Any, Results]) -> Results:
    """SIGTERM ends a run as Ctrl-C does: by cancelling it, through the blocks that end the processes it started."""
    task = asyncio.ensure_future(running)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


def chosen_boxes(asked: list[str] | None) -> list[str]:
    """The boxes to measure, the bare relay first; HAProxy only where it is installed."""
    wanted = asked or [*GUARDS, HAPROXY]
    if HAPROXY in wanted and haproxy_program() is None:
        if asked:
            raise BenchError("haproxy is not installed (Debian: apt install haproxy); leave it out of --boxes")
        print("bench: HAProxy is not installed (Debian: apt install haproxy): its column is left out", file=sys.stderr)
        wanted = [name for name in wanted if name != HAPROXY]
    return [BARE, *(name for name in wanted if name != BARE)]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="What the guard costs beside a bare uvloop relay and HAProxy, as ratios."
    )
    parser.add_argument("--rounds", type=_rounds, help=f"rounds to take the median of (at least {MIN_ROUNDS})")
    parser.add_argument("--quick", action="store_true", help="small shares: seconds instead of a minute, more noise")
    parser.add_argument("--only", type=_list_of(PHASES), help=f"phases, of {','.join(PHASES)}")
    known = (BARE, *GUARDS, HAPROXY)
    parser.add_argument("--boxes", type=_list_of(known), help=f"boxes beside the bare relay, of {','.join(known)}")
    parser.add_argument("--format", choices=("text", "json"), default="text")
    return parser


def _rounds(text: str) -> int:
    if not text.isdigit() or int(text) < MIN_ROUNDS:
        raise argparse.ArgumentTypeError(f"a whole number, at least {MIN_ROUNDS}")
    return int(text)


def _list_of(known: Sequence[str]) -> Callable[[str], list[str]]:
    """A parser of comma-separated words of ``known``; each counts once, in the order of ``known``."""

    def parse(text: str) -> list[str]:
        words = set(text.split(","))
        if unknown := sorted(words.difference(known)):
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return [word for word in known if word in words]

    return parse


if __name__ == "__main__":
    sys.exit(main())
