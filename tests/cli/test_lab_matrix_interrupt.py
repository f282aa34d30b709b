"""Ctrl-C ends ``smtpguard lab matrix`` whenever it comes: while workers start, and while they work."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SMTPGUARD = str(Path(sys.executable).with_name("smtpguard"))
SECONDS = 60.0


def children(pid: int) -> int:
    """How many processes ``pid`` has started that still run."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return sum(len((task / "children").read_text().split()) for task in tasks)
    except OSError:
        return 0


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to see when workers start")
@pytest.mark.parametrize("workers", [1, 3])
def test_ctrl_c_ends_it(workers: int, tmp_path: Path) -> None:
    """As a terminal does it, the signal goes to every process of the group."""
    process = subprocess.Popen(
        [SMTPGUARD, "lab", "matrix", "--jobs", "3", "--format", "json"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # Where the tests run as a shell's background job SIGINT is ignored, and with it by whatever they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        deadline = time.monotonic() + SECONDS
        while children(process.pid) < workers and process.poll() is None:
            assert time.monotonic() < deadline
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=SECONDS) == 130
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
