"""The golden transcripts of the personas, one for each and for each of its variants.

`make golden`, or ``python -m tests.personas.transcripts``, writes them anew; read the difference before it is kept.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from smtpguard.policy.loader import load_policy, read_policy
from tests.personas.conversation import Conversation, SessionOverError
from tests.personas.exchange import Exchange
from tests.personas.scripts import PARTS

GOLDEN = Path(__file__).parent / "golden"
LEGEND = "# C: the client, S: the server. A line passes as it came unless arrows below it say what goes out instead."


def names() -> list[str]:
    """Every persona, those with variants once for each."""
    found: list[str] = []
    for persona in PARTS:
        policy, _ = read_policy(persona)
        variants = policy.variants if policy is not None else {}
        found += [f"{persona}:{variant}" for variant in variants] or [persona]
    return found


def path(name: str) -> Path:
    """Where the transcript of ``name`` stands."""
    return GOLDEN / f"{name.replace(':', '.')}.txt"


def transcript(name: str) -> str:
    """All parts of a persona's, one after the other."""
    rulebook = load_policy(name)
    lines = [f"# {name}: {rulebook.summary}", LEGEND]
    known = ""
    for part in PARTS[name.partition(":")[0]]:
        server = Exchange(certificate=part.certificate, without=part.without)
        talk = Conversation(rulebook, part.title, server, known=known)
        with contextlib.suppress(SessionOverError):
            part.script(talk)
        known = known or talk.opening
        lines += talk.lines
    return "\n".join(lines) + "\n"


def regenerate() -> None:
    """Write all of them, and take away those of personas that are gone."""
    GOLDEN.mkdir(exist_ok=True)
    for old in {*GOLDEN.glob("*.txt")} - {path(name) for name in names()}:
        old.unlink()
    for name in names():
        path(name).write_text(transcript(name), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    regenerate()
