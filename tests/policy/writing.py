"""Policies for tests: written to a file, or cut to one rule."""

from __future__ import annotations

from pathlib import Path

from smtpguard.policy.loader import load_policy
from smtpguard.policy.rulebook import Rulebook


def write(folder: Path, text: str, name: str = "x.yaml") -> str:
    """The path of a new file with ``text``."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def book(folder: Path, *rules: str, head: str = "") -> Rulebook:
    """The rulebook of a policy with these ``rules``, each as flow YAML, under the lines of ``head``."""
    lines = ["summary: a test", *head.splitlines(), "rules:" if rules else "", *(f"  - {rule}" for rule in rules)]
    return load_policy(write(folder, "\n".join(lines) + "\n"))
