"""A supervisor and its workers: deaths, hangs, reloads and stops, in any order."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from pathlib import Path
from typing import Any

from tests.real.guard_process import SMTPGUARD, GuardProcess, Line, select
from tests.real.private_server import until
from tests.real.raw_client import RawClient
from tests.service.conftest import Start
from tests.service.tuned import changed, starting

QUICK = """
import smtpguard.service.restarts as restarts
restarts.FIRST_DELAY = 0.01
"""

IMPATIENT = """
import smtpguard.service.running as running
running.LOOK_SECONDS = 0.1
import smtpguard.service.supervisor as supervisor
supervisor.HANG_SECONDS = 3.0
supervisor.AFTER_GRACE_SECONDS = 0.5
"""

NO_PLACE = """
import os, resource
from smtpguard.service import supervised
start = supervised.Supervised.start
def tight(self, *terms, **more):
    if self.number == 2:
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
    start(self, *terms, **more)
supervised.Supervised.start = tight
"""


def at_the_start(do: str) -> str:
    """Worker 2 does it before it listens; ``lives`` counts its lives, from 1."""
    return f"""
import os, signal
from smtpguard.service import supervised, worker
start, run = supervised.Supervised.start, worker.Running.run
lives = 0
def counting(self, *terms, **more):
    global lives
    lives += self.number == 2
    start(self, *terms, **more)
async def doing(self):
    if self._life._post.number == 2:
        {do}
    await run(self)
supervised.Supervised.start, worker.Running.run = counting, doing
"""


def named(event: str, **fields: Any) -> Any:
    """For ``wait_for``: the lines of this name that hold these fields."""

    def pick(lines: list[Line]) -> list[Line]:
        return [line for line in select(lines, event) if fields.items() <= line.items()]

    return pick


def taken(guard: GuardProcess) -> None:
    """Somebody takes a client."""
    with RawClient(guard.address) as client:
        client.greet()
        client.bye()


def asking(pid_file: Path) -> subprocess.Popen[str]:
    """``smtpguard reload``, under way."""
    return subprocess.Popen(
        [SMTPGUARD, "reload", "--pid-file", str(pid_file)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def begun(pid_file: Path, count: int) -> None:
    """So many reloads have begun."""
    until(lambda: pid_file.read_text().split("\n")[1] == str(count), 20, f"reload {count} to begin")


# --- deaths ----------------------------------------------------------------------------------------------------------


def test_one_that_dies_while_it_starts_again_and_again(upstream: tuple[str, int], tmp_path: Path) -> None:
    """It ends the guard, which never said that it listens; neither workers nor the pid file are left."""
    path = tmp_path / "guard.pid"
    dies = changed(QUICK + at_the_start("os.kill(os.getpid(), signal.SIGKILL)"))
    with starting(upstream, "--workers", "2", "--pid-file", str(path), before=dies) as process:
        out, errors = process.communicate(timeout=30)
    assert process.returncode == 1
    assert errors == "smtpguard: worker 2 dies as soon as it is started; the guard stops\n"
    assert '"listening"' not in out
    assert out.count('"worker-died"') == 8
    assert out.count('"worker-given-up"') == 1
    assert '"stopped"' in out.splitlines()[-1]
    assert not path.exists()


def test_one_that_dies_while_it_starts_once(upstream: tuple[str, int]) -> None:
    """The guard says that it listens when the next one does."""
    dies = changed(QUICK + at_the_start("if lives == 1: os._exit(3)"))
    with starting(upstream, "--workers", "2", before=dies) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3)]
        assert ['"worker-died"' in lines[0], '"worker-started"' in lines[1], '"listening"' in lines[2]] == [True] * 3
        assert '"status":3' in lines[0]
        process.terminate()
        assert process.wait(20) == 0


def test_one_that_is_killed_again_and_again(start: Start) -> None:
    """It ends the guard, loudly, with status 1."""
    guard = start("--workers", "2", before=changed(QUICK))
    os.kill(guard.journal[0]["processes"][0], signal.SIGKILL)
    for lives in range(1, 8):
        guard.wait_for(lambda lines: len(select(lines, "worker-started")) == lives, 20, "the next one")  # noqa: B023
        os.kill(select(guard.journal, "worker-started")[-1]["process"], signal.SIGKILL)
    guard.wait_for(named("worker-given-up", worker=1), 20, "the end of patience")
    assert guard.wait() == 1
    assert "dies as soon as it is started" in guard.errors()


def test_the_kernel_has_no_place_for_another_process(start: Start) -> None:
    """Here for the descriptors that it takes; it is started when there is one."""
    guard = start("--workers", "2")
    descriptors = Path(f"/proc/{guard.process}/fd")
    before = len(list(descriptors.iterdir()))
    soft, hard = resource.prlimit(guard.process, resource.RLIMIT_NOFILE)
    resource.prlimit(guard.process, resource.RLIMIT_NOFILE, (3, hard))
    os.kill(guard.journal[0]["processes"][0], signal.SIGKILL)
    [failed] = guard.wait_for(named("worker-not-started", worker=1), 20, "the failure")[:1]
    assert failed["error"] == "Too many open files"
    # A place for the pipe, and none for what comes behind it.
    resource.prlimit(guard.process, resource.RLIMIT_NOFILE, (before, hard))
    failures = len(select(guard.journal, "worker-not-started"))
    guard.wait_for(lambda lines: len(select(lines, "worker-not-started")) > failures, 20, "another failure")
    resource.prlimit(guard.process, resource.RLIMIT_NOFILE, (soft, hard))
    guard.wait_for(named("worker-started", worker=1), 20, "a worker")
    assert len(list(descriptors.iterdir())) == before
    taken(guard)
    guard.stop()


def test_no_place_for_it_from_the_first_moment_on(upstream: tuple[str, int]) -> None:
    with starting(upstream, "--workers", "2", before=changed(NO_PLACE)) as process:
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert errors == "smtpguard: --workers: can't start number 2: Too many open files\n"


def test_one_that_dies_while_the_loop_is_closed(upstream: tuple[str, int]) -> None:
    """It is killed at the end and may take its time; nothing is said of it."""
    late = """
import signal
from asyncio import selector_events
close = selector_events.BaseSelectorEventLoop._close_self_pipe
def late(self):
    close(self)
    os.kill(os.getpid(), signal.SIGCHLD)
selector_events.BaseSelectorEventLoop._close_self_pipe = late
"""
    with starting(upstream, "--workers", "2", before=changed(NO_PLACE + late)) as process:
        _, errors = process.communicate(timeout=30)
    assert errors.count("\n") == 1


# --- hangs -----------------------------------------------------------------------------------------------------------


def test_one_that_hangs_while_it_starts(upstream: tuple[str, int]) -> None:
    """It is killed, and the next one is asked."""
    hangs = changed(IMPATIENT + at_the_start("if lives == 1: os.kill(os.getpid(), signal.SIGSTOP)"))
    with starting(upstream, "--workers", "2", before=hangs) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(4)]
        for event, line in zip(("worker-hung", "worker-died", "worker-started", "listening"), lines, strict=True):
            assert f'"{event}"' in line
        process.terminate()
        assert process.wait(20) == 0


def test_one_that_hangs_later(start: Start) -> None:
    guard = start("--workers", "2", before=changed(IMPATIENT))
    first = guard.journal[0]["processes"][0]
    os.kill(first, signal.SIGSTOP)
    guard.wait_for(named("worker-hung", process=first), 20, "the hang")
    guard.wait_for(named("worker-died", worker=1, status=-signal.SIGKILL), 20, "its end")
    guard.wait_for(named("worker-started", worker=1), 20, "the next one")
    for _ in range(4):
        taken(guard)
    assert len(named("worker-hung", process=first)(guard.stop())) == 1


def test_one_that_hangs_when_it_is_told_to_stop(start: Start, tmp_path: Path) -> None:
    """It has its grace and a while, and the journal says that it was killed."""
    settings = tmp_path / "guard.yaml"
    settings.write_text("drain: 0.2\n")
    guard = start("--workers", "2", "--config", str(settings), before=changed(IMPATIENT))
    second = guard.journal[0]["processes"][1]
    os.kill(second, signal.SIGSTOP)
    journal = guard.stop()
    assert named("worker-hung", process=second)(journal)
    assert journal[-1]["event"] == "stopped"
    assert select(journal, "worker-started") == []


# --- stops -----------------------------------------------------------------------------------------------------------


def test_a_stop_while_it_starts(upstream: tuple[str, int]) -> None:
    """One worker does not come to listen; both are told, and end."""
    mute = changed(at_the_start("await asyncio.sleep(0.5)").replace("import os", "import asyncio, os"))
    with starting(upstream, "--workers", "2", before=mute) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        until(lambda: len(children.read_text().split()) == 2, 20, "both workers")
        process.terminate()
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, errors) == (0, "")
    assert '"listening"' not in out
    assert '"stopped"' in out.splitlines()[-1]


def test_a_supervisor_that_is_killed_takes_its_workers_along(start: Start) -> None:
    guard = start("--workers", "2")
    workers = guard.journal[0]["processes"]
    with RawClient(guard.address) as client:
        client.greet()
        guard.kill()
        assert client.reply().startswith(b"421 ")
    until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in workers), 20, "the workers' end")


def test_a_stop_while_it_reloads(start: Start, tmp_path: Path) -> None:
    """One worker has not answered when SIGTERM comes: whoever asked for the reload does not wait for nothing."""
    path = tmp_path / "guard.pid"
    guard = start("--workers", "2", "--pid-file", str(path))
    second = guard.journal[0]["processes"][1]
    os.kill(second, signal.SIGSTOP)
    with asking(path) as question:
        begun(path, 1)
        guard.terminate()
        guard.wait_for(named("stopping", sessions=0), 20, "the stop")
        os.kill(second, signal.SIGKILL)
        journal = guard.stop()
        out, errors = question.communicate(timeout=20)
    assert (question.returncode, out) == (2, "")
    assert errors.endswith("the guard has ended before it reloaded\n")
    assert journal[-1]["event"] == "stopped"
    assert not path.exists()


# --- reloads ---------------------------------------------------------------------------------------------------------


def test_one_that_dies_while_it_reloads(start: Start, tmp_path: Path) -> None:
    """The next one begins under the new policy: that is an answer."""
    path = tmp_path / "guard.pid"
    guard = start("--workers", "2", "--pid-file", str(path))
    second = guard.journal[0]["processes"][1]
    os.kill(second, signal.SIGSTOP)
    with asking(path) as question:
        begun(path, 1)
        os.kill(second, signal.SIGKILL)
        assert question.communicate(timeout=20) == ("reloaded\n", "")
    guard.stop()


def test_questions_side_by_side_are_all_answered(start: Start, tmp_path: Path) -> None:
    """The first round waits for a worker; what is asked in the meantime makes one more round, and no third."""
    path = tmp_path / "guard.pid"
    guard = start("--workers", "2", "--pid-file", str(path))
    second = guard.journal[0]["processes"][1]
    os.kill(second, signal.SIGSTOP)
    with asking(path) as one:
        begun(path, 1)
        for _ in range(5):
            guard.reload()
        with asking(path) as two, asking(path) as three:
            os.kill(second, signal.SIGCONT)
            for question in (one, two, three):
                assert question.communicate(timeout=20) == ("reloaded\n", "")
    journal = guard.stop()
    assert 2 <= len(named("reloaded", worker=1)(journal)) <= 4
