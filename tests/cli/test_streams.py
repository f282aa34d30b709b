"""Standard streams that are closed, and standard output that takes nothing: one line, exit status 2, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SMTPGUARD = str(Path(sys.executable).with_name("smtpguard"))


def under_shell(redirection: str, *arguments: str, unbuffered: str = "") -> subprocess.CompletedProcess[str]:
    """The command with its standard streams as ``redirection`` says."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", SMTPGUARD, *arguments],
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


COMMANDS = [
    ("--version",),
    ("serve", "--help"),
    ("policy", "list"),
    ("policy", "schema"),
    ("lab", "run", "kb818222"),
    ("lab", "up", "kb818222"),
    ("analyze", "--schema"),
]


@pytest.mark.parametrize(("arguments", "unbuffered"), [*((command, "") for command in COMMANDS), (COMMANDS[2], "1")])
def test_a_full_disk_is_one_line(arguments: tuple[str, ...], unbuffered: str) -> None:
    done = under_shell(">/dev/full", *arguments, unbuffered=unbuffered)
    assert done.stderr == "smtpguard: standard output can't be written: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.parametrize(
    "arguments", [*COMMANDS, ("serve", "--listen", "127.0.0.1:0", "--upstream", "127.0.0.1:1", "--policy", "pass")]
)
def test_closed_standard_output_is_one_line(arguments: tuple[str, ...]) -> None:
    """With it left closed, a socket took its number, and uvloop ended the guard by an assertion."""
    done = under_shell(">&-", *arguments)
    assert done.stderr == "smtpguard: standard output is closed; give it a file, a pipe or /dev/null\n"
    assert done.returncode == 2


def test_with_standard_error_closed_an_error_is_not_printed_as_output() -> None:
    done = under_shell("2>&-", "policy", "show", "no-such-policy")
    assert (done.stdout, done.returncode) == ("", 2)


def test_a_closed_standard_input_is_not_needed() -> None:
    done = under_shell("<&-", "lab", "run", "kb818222", "--firewall", "strip-xexch50")
    assert "Delivered after 1 attempt" in done.stdout
    assert (done.stderr, done.returncode) == ("", 0)
