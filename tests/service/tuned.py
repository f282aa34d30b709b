"""``smtpguard serve`` with some of its numbers or parts changed before it starts: patience in seconds instead of
minutes, or a worker with a defect. Processes, signals, sockets and pipes stay real."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.real.guard_process import SMTPGUARD

SECONDS = 40.0

_PROGRAM = """
import sys
{changes}
from smtpguard.cli.main import main
sys.argv = sys.argv[1:]
main()
"""


def changed(changes: str) -> tuple[str, ...]:
    """What stands before ``smtpguard serve``, for ``GuardProcess(before=...)``; ``changes`` are lines of Python."""
    return (sys.executable, "-c", _PROGRAM.format(changes=changes))


@contextmanager
def starting(upstream: tuple[str, int], *options: str, before: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """A guard that need not come to listen; standard output and error are pipes. It is ended at the end, or when it
    has had ``SECONDS``: its pipes end with it, and nobody waits for ever."""
    process = subprocess.Popen(
        [
            *before, SMTPGUARD, "serve", "--listen", "127.0.0.1:0", "--upstream", f"{upstream[0]}:{upstream[1]}",
            "--policy", "pass", *options,
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    patience = threading.Timer(SECONDS, process.kill)
    patience.start()
    with process:
        try:
            yield process
        finally:
            patience.cancel()
            process.kill()
