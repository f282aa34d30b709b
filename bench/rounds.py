"""The two measurements over sockets, round by round through all boxes: sessions and bodies."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from bench.bodies import TEXTS, dotted_text
from bench.cpu import settled_cpu_seconds
from bench.errors import BenchError
from bench.figures import Samples
from bench.load import Script, message_script, send_messages
from bench.peers import Peer
from bench.plan import MIN_ROUNDS, Plan
from bench.progress import Progress

Cost = tuple[float, float]
"""CPU seconds of the box and wall seconds of the load, for one unit of work."""


async def measure_sessions(boxes: Sequence[Peer], plan: Plan, progress: Progress) -> Samples:
    """CPU µs a session of each box: a new connection, one message of a few KiB."""
    script = message_script(dotted_text(plan.message_octets))

    async def share(box: Peer) -> Cost:
        return await _cost(box, script, plan.sessions, plan.concurrency, plan)

    costs = await _interleaved(boxes, plan, progress, "sessions", share)
    return {box: [cpu * 1e6 for cpu, _ in taken] for box, taken in costs.items()}


async def measure_bodies(boxes: Sequence[Peer], plan: Plan, progress: Progress) -> dict[str, dict[str, Samples]]:
    """By kind of text: ``cpu`` ms of the box a body, and ``wall`` ms from its first octet to the reply."""
    figures: dict[str, dict[str, Samples]] = {}
    for kind, make in TEXTS.items():
        script = message_script(make(plan.body_octets))

        async def share(box: Peer, script: Script = script) -> Cost:
            return await _cost(box, script, plan.bodies, 1, plan)

        costs = await _interleaved(boxes, plan, progress, f"bodies, {kind}", share)
        figures[kind] = {
            "cpu": {box: [cpu * 1e3 for cpu, _ in taken] for box, taken in costs.items()},
            "wall": {box: [wall * 1e3 for _, wall in taken] for box, taken in costs.items()},
        }
    return figures


async def _interleaved(
    boxes: Sequence[Peer],
    plan: Plan,
    progress: Progress,
    what: str,
    share: Callable[[Peer], Awaitable[Cost]],
) -> dict[str, list[Cost]]:
    """A B C A B C …, after one round that only warms up; stops early when the phase has used up its time."""
    taken: dict[str, list[Cost]] = {box.name: [] for box in boxes}
    deadline = time.monotonic() + plan.phase_seconds
    for number in range(plan.rounds + 1):
        if number > MIN_ROUNDS and time.monotonic() > deadline:
            break
        progress.say(f"{what}: round {number} of {plan.rounds}" if number else f"{what}: warming up")
        for box in boxes:
            cost = await share(box)
            if number:
                taken[box.name].append(cost)
    return taken


async def _cost(box: Peer, script: Script, count: int, concurrency: int, plan: Plan) -> Cost:
    """The mean cost of one of ``count`` messages through ``box``."""
    before = await settled_cpu_seconds(box.pid)
    try:
        seconds = await send_messages(box.port, script, count, concurrency, plan.step_seconds)
    except BenchError as error:
        raise BenchError(f"{box.name} {error}") from None
    after = await settled_cpu_seconds(box.pid)
    return (after - before) / count, sum(seconds) / count
