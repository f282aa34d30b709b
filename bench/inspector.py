"""The Inspector by itself: no socket, no loop, one process. What a conversation costs before any transport.

The octets are those that the load and the sink exchange, in the pieces in which a relay would read them. Every session
gets a new Inspector, as in the relay; its effects are made and thrown away.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path

from bench.bodies import TEXTS, dotted_text
from bench.figures import Samples
from bench.load import message_script
from bench.plan import Plan
from bench.progress import Progress
from bench.sink import EHLO_REPLY, GREETING, REPLIES, TAKEN
from smtpguard.inspection.inspector import Inspector
from smtpguard.inspection.shadow import ShadowedInspector
from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Rulebook
from smtpguard.smtp.sides import CLIENT, SERVER, Side

RULES = 200
OTHERS = f"{RULES} rules for other verbs"
SHADOW = "harden in shadow"
_READ_OCTETS = 65536  # the most that the relay feeds at once

# Verbs that the measured conversation does not use: the rules for them should cost it nothing. One rule at each place.
_OTHER_VERBS = ("VRFY", "EXPN", "ETRN", "TURN", "ATRN", "AUTH", "BDAT", "XEXCH50", "X-EXPS", "X-LINK2STATE")
_PAYLOAD_VERBS = ("AUTH", "BDAT", "XEXCH50", "X-EXPS")
_PLACES = {"command": _OTHER_VERBS, "reply": _OTHER_VERBS, "payload": _PAYLOAD_VERBS}
_DOES = {"command": "reject", "reply": "eat", "payload": "eat"}

Make = Callable[[], Inspector]
Conversation = list[tuple[Side, bytes]]


def conversation(text: bytes) -> Conversation:
    """Both sides of one session with one message of ``text``, in the order in which they speak."""
    turns: Conversation = [(SERVER, GREETING)]
    for _, answer in message_script(text)[:-1]:
        turns += [(CLIENT, answer[at : at + _READ_OCTETS]) for at in range(0, len(answer), _READ_OCTETS)]
        verb = answer[:4]
        if verb == b"EHLO":
            turns.append((SERVER, EHLO_REPLY))
        else:
            turns.append((SERVER, REPLIES.get(verb, TAKEN % len(answer))))
    return turns


def under(rulebook: Rulebook, shadow: Rulebook | None = None) -> Make:
    """Makes Inspectors under ``rulebook``, with ``shadow`` beside it where there is one."""
    if shadow is None:
        return lambda: Inspector(rulebook, client="127.0.0.1", server="127.0.0.1")
    return lambda: ShadowedInspector(rulebook, shadow, client="127.0.0.1", server="127.0.0.1")


def inspect(make: Make, turns: Conversation) -> Inspector:
    """Feed one whole session to a new Inspector."""
    inspector = make()
    inspector.start(0.0)
    receive = inspector.receive
    for side, data in turns:
        receive(side, data, 0.0)
    inspector.eof(SERVER, 0.0)
    inspector.eof(CLIENT, 0.0)
    inspector.summary()
    return inspector


def rulebook_of_others(folder: Path) -> Rulebook:
    """``pass`` with ``RULES`` rules about verbs that the conversation does not use, loaded from a file in ``folder``:
    at commands, replies and payloads in turn."""
    lines = ["summary: Many rules for other verbs", "extends: pass", "rules:"]
    for number, (place, verbs) in zip(range(RULES), cycle(_PLACES.items()), strict=False):
        lines += [f"  - id: rule-{number}", f"    on: {place}", f"    verb: {verbs[number % len(verbs)]}"]
        lines += [f"    argument: 'value-{number}'", f"    then: {_DOES[place]}"]
    path = folder / "many-rules.yaml"
    path.write_text("\n".join(lines) + "\n")
    return load_policy(str(path))


async def measure_inspector(plan: Plan, folder: Path, progress: Progress) -> dict[str, Samples]:
    """CPU µs a ``session`` under each of three ways, and CPU ms a body of each kind under ``pass``."""
    passing = load_policy("pass")
    cases = {
        "pass": under(passing),
        OTHERS: under(rulebook_of_others(folder)),
        SHADOW: under(passing, load_policy("harden", observe=True)),
    }
    message = conversation(dotted_text(plan.message_octets))
    sessions = await _interleaved(
        {name: lambda make=make: _seconds(make, message, plan.inspector_sessions) * 1e6  # type: ignore[misc]
         for name, make in cases.items()},
        plan, progress, "sessions",
    )  # fmt: skip
    texts = {kind: conversation(make(plan.body_octets)) for kind, make in TEXTS.items()}
    bodies = await _interleaved(
        {kind: lambda turns=turns: _seconds(cases["pass"], turns, 1) * 1e3 for kind, turns in texts.items()},  # type: ignore[misc]
        plan, progress, "bodies",
    )  # fmt: skip
    return {"sessions": sessions, "bodies": bodies}


def _seconds(make: Make, turns: Conversation, sessions: int) -> float:
    """CPU seconds of one session, the mean of ``sessions``."""
    before = time.process_time()
    for _ in range(sessions):
        inspect(make, turns)
    return (time.process_time() - before) / sessions


async def _interleaved(cases: dict[str, Callable[[], float]], plan: Plan, progress: Progress, what: str) -> Samples:
    """The cases in turn, round after round, after one round that only warms up."""
    samples: Samples = {name: [] for name in cases}
    for number in range(plan.rounds + 1):
        await asyncio.sleep(0)  # where SIGTERM and Ctrl-C get in
        progress.say(f"inspector, {what}: round {number} of {plan.rounds}")
        for name, cost in cases.items():
            taken = cost()
            if number:
                samples[name].append(taken)
    return samples
