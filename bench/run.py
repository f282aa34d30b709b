"""One run: start the sink and the boxes, measure the phases that were asked for, hand the samples over as results."""

from __future__ import annotations

import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import boxes
from bench.boxes import BARE, HAPROXY, started_boxes
from bench.figures import table_of
from bench.idle import allow_open_files, measure_memory
from bench.inspector import OTHERS, measure_inspector
from bench.peers import Peer, announced_peer
from bench.plan import Plan
from bench.progress import Progress
from bench.rounds import measure_bodies, measure_sessions

Results = dict[str, Any]
"""Plain values, as ``--format json`` prints them; a phase that was not measured has no key."""

SESSION_AIM = 1.5  # a guarded session to one of the bare relay, at most
BODY_AIM = 1.0  # a guarded body to one of HAProxy, at most
OTHERS_AIM = 1.05  # a session under many rules for other verbs to one under none: what two rounds differ by anyway


async def run(plan: Plan, names: list[str], phases: Sequence[str], progress: Progress) -> Results:
    """Measure ``phases`` of ``names``; the bare relay is among them. Raises BenchError when something cannot run."""
    allow_open_files()
    references = [name for name in (BARE, HAPROXY) if name in names]
    results: Results = {"machine": machine(), "boxes": {name: boxes.TITLES[name] for name in names}}
    results["message_octets"], results["body_octets"] = plan.message_octets, plan.body_octets
    # Memory first, and in boxes of its own: what a box has used and freed before would hide what a session needs.
    if "memory" in phases:
        with _started(names) as peers:
            grown = await measure_memory(peers, plan, progress)
        results["memory"] = {"unit": "KiB an idle session", "boxes": grown}
    if "sessions" in phases or "bodies" in phases:
        with _started(names) as peers:
            if "sessions" in phases:
                samples = await measure_sessions(peers, plan, progress)
                results["sessions"] = {"unit": "CPU µs a session", "boxes": table_of(samples, references)}
            if "bodies" in phases:
                results["bodies"] = {
                    kind: {"unit": "ms a body", **{what: table_of(taken, references) for what, taken in costs.items()}}
                    for kind, costs in (await measure_bodies(peers, plan, progress)).items()
                }
    if "inspector" in phases:
        results["inspector"] = await _inspector_results(plan, progress)
    results["aims"] = aims(results)
    return results


def machine() -> dict[str, Any]:
    """What the figures depend on, without anything that names the host."""
    return {
        "cpus": len(os.sched_getaffinity(0)),
        "architecture": platform.machine(),
        "kernel": platform.release().partition("-")[0],
        "python": platform.python_version(),
    }


def aims(results: Results) -> list[dict[str, Any]]:
    """Each aim that this run can judge: what it is about, the ratio measured, the limit, and whether it is met."""
    judged = []
    for name in boxes.GUARDS:
        if name in results.get("sessions", {}).get("boxes", {}):
            measured = results["sessions"]["boxes"][name]["ratios"][BARE]
            judged.append((f"session under {boxes.GUARDS[name]}, to the bare relay", measured, SESSION_AIM))
        for kind, costs in results.get("bodies", {}).items():
            for what in ("cpu", "wall"):
                measured = costs[what].get(name, {}).get("ratios", {}).get(HAPROXY)
                if measured is not None:
                    about = f"{what} of a body ({kind}) under {boxes.GUARDS[name]}, to HAProxy"
                    judged.append((about, measured, BODY_AIM))
    others = results.get("inspector", {}).get("sessions", {}).get("boxes", {}).get(OTHERS)
    if others is not None:
        judged.append(
            (f"session in the Inspector under pass and {OTHERS}, to pass", others["ratios"]["pass"], OTHERS_AIM)
        )
    return [{"aim": about, "ratio": got, "limit": limit, "met": got <= limit} for about, got, limit in judged]


@contextmanager
def _started(names: list[str]) -> Iterator[list[Peer]]:
    """Fresh boxes in front of a fresh sink. No process is bound to a CPU: the kernel places them, as in service."""
    with tempfile.TemporaryDirectory(prefix="smtpguard-bench-") as name:
        folder = Path(name)
        with (
            announced_peer("sink", boxes.own_program("bench.sink"), folder) as sink,
            started_boxes(names, sink.port, folder) as peers,
        ):
            yield peers


async def _inspector_results(plan: Plan, progress: Progress) -> Results:
    with tempfile.TemporaryDirectory(prefix="smtpguard-bench-") as name:
        measured = await measure_inspector(plan, Path(name), progress)
    return {
        "sessions": {"unit": "CPU µs a session", "boxes": table_of(measured["sessions"], ["pass"])},
        "bodies": {"unit": "CPU ms a body", "boxes": table_of(measured["bodies"], [])},
    }
