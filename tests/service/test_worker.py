"""A worker: what it has of its supervisor's, which signals reach it, and how it ends."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from tests.real.guard_process import select
from tests.real.raw_client import RawClient
from tests.service.conftest import Start
from tests.service.tuned import changed, starting


def links(process: int) -> dict[int, str]:
    """Where its descriptors lead."""
    return {int(entry.name): str(entry.readlink()) for entry in Path(f"/proc/{process}/fd").iterdir()}


def test_it_has_nothing_of_the_others(start: Start, tmp_path: Path) -> None:
    """Neither their sockets nor the pid file's lock: those must close when their owner says so."""
    path = tmp_path / "guard.pid"
    guard = start("--workers", "3", "--pid-file", str(path), "--metrics", "127.0.0.1:0")
    own = [links(process) for process in guard.journal[0]["processes"]]
    supervisors = set(links(guard.process).values())
    for one in own:
        assert str(path) not in one.values()
        assert not any(one is not other and sockets(one) & sockets(other) for other in own)
        assert len(sockets(one) & supervisors) == 1  # its listener
    with RawClient(guard.address) as client:
        client.greet()
        client.bye()
    guard.stop()


def sockets(of: dict[int, str]) -> set[str]:
    return {to for to in of.values() if to.startswith("socket:")}


def test_a_signal_that_comes_before_it_can_take_it(upstream: tuple[str, int]) -> None:
    """It waits: a worker that was told to stop in its first moments stops, and does not die of it."""
    slow = """
import os, signal
from smtpguard.service import worker
part = worker._part_with_the_rest
def slow(post):
    if post.number == 1:
        for number in (signal.SIGHUP, signal.SIGTERM):
            os.kill(os.getpid(), number)
    part(post)
worker._part_with_the_rest = slow
from smtpguard.service import restarts
restarts.FIRST_DELAY = 30.0
"""
    with starting(upstream, "--workers", "2", before=changed(slow)) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        assert any('"worker-died"' in line and '"status":0' in line for line in lines), lines
        process.terminate()
        assert process.wait(20) == 0


def test_ctrl_c_reaches_all_of_them_at_once(start: Start) -> None:
    """A terminal sends SIGINT to every process of the group, and then the supervisor tells its workers, too."""
    guard = start("--workers", "2", before=("setsid", "-w"))
    session = Path(f"/proc/{guard.journal[0]['processes'][0]}/stat").read_text().rpartition(")")[2].split()
    with suppress(ProcessLookupError):
        for _ in range(3):
            os.killpg(int(session[2]), signal.SIGINT)
    assert guard.wait() == 0
    assert guard.errors() == ""
    guard.wait_for(lambda lines: len(select(lines, "stopped")) == 3, 20, "three ends")
    assert select(guard.journal, "worker-died") == []


def test_one_that_can_not_listen_says_why_and_ends_with_2(upstream: tuple[str, int]) -> None:
    deaf = """
from smtpguard.service import restarts, worker
from smtpguard.service.errors import ServiceError
async def run(self):
    raise ServiceError("--listen: no")
worker.Running.run = run
restarts.FIRST_DELAY = 0.001
"""
    with starting(upstream, "--workers", "2", before=changed(deaf)) as process:
        out, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "smtpguard: worker 1: --listen: no\n" in errors
    assert "Traceback" not in errors
    assert '"status":2' in out


def test_a_defect_keeps_its_traceback_and_the_supervisor_its_own_life(upstream: tuple[str, int]) -> None:
    """The child never comes back to what the supervisor was about, whatever happens in it."""
    broken = """
from smtpguard.service import restarts, worker
async def run(self):
    raise SystemExit("a defect")
worker.Running.run = run
restarts.FIRST_DELAY = 0.001
"""
    with starting(upstream, "--workers", "2", before=changed(broken)) as process:
        out, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "SystemExit: a defect" in errors
    assert out.count('"stopped"') == 1
    assert '"status":1' in out
