"""A guard on its loop: what keeps it from listening, what a defect costs, reloads that fail and reloads cut short."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path

import pytest

from smtpguard.relay.interception import Intercept, InterceptError, Interception
from smtpguard.service.errors import ServiceError
from smtpguard.service.pid_file import DONE
from smtpguard.service.running import toward, unable_to_listen
from tests.real.guard_process import select
from tests.real.private_server import until
from tests.real.raw_client import RawClient
from tests.service.conftest import Start
from tests.service.ordering import orders
from tests.service.tuned import changed

IN_USE = OSError(errno.EADDRINUSE, "in use")
NO_NAME = UnicodeError("label too long")


@pytest.mark.parametrize(
    ("asked", "error", "first", "line"),
    [
        ({}, IN_USE, True, "--listen 127.0.0.1:0: can't listen there: Address already in use; choose another port"),
        ({"tls_listen": ("::1", 465)}, IN_USE, False, "--tls-listen [::1]:465: can't listen there: "),
        ({"listen": None, "tls_listen": ("::1", 465)}, IN_USE, True, "--tls-listen [::1]:465: can't listen there: "),
        ({"listen": ("a..b", 25)}, NO_NAME, True, "--listen a..b:25: 'a..b' is no host name"),
        ({"listen": None, "by_systemd": True}, IN_USE, True, "--listen systemd: can't listen there: "),
        ({"listen": None, "by_systemd": True}, InterceptError("needs root"), True, "--intercept: needs root"),
    ],
)
def test_what_keeps_it_from_listening(asked: dict[str, object], error: Exception, first: bool, line: str) -> None:
    assert str(unable_to_listen(orders(**asked), error, first=first)).startswith(line)


def test_where_sessions_go() -> None:
    assert toward(orders()) == ("192.0.2.1", 25)
    assert isinstance(toward(orders(intercept=Intercept.TPROXY, upstream=None)), Interception)
    with pytest.raises(ServiceError, match="missing option '--upstream'"):
        toward(orders(upstream=None))


@pytest.mark.parametrize("missing", [False, True])
def test_the_fastest_loop_that_is_there(missing: bool) -> None:
    program = f"""
import asyncio, sys
if {missing}:
    sys.modules["uvloop"] = None
from smtpguard.service.running import run_on_fastest_loop
async def main():
    print(type(asyncio.get_running_loop()).__module__.partition(".")[0])
run_on_fastest_loop(main)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == ("asyncio\n" if missing else "uvloop\n")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_defect_costs_one_session(start: Start, workers: str) -> None:
    defect = """
from smtpguard.relay.session import RelaySession
received = RelaySession.received
def broken(self, side, data):
    if data.startswith(b"VRFY"):
        raise KeyError("a defect")
    return received(self, side, data)
RelaySession.received = broken
from smtpguard.relay.connection import Connection
Connection.link = lambda self, *_: None
"""
    guard = start("--workers", workers, before=changed(defect))
    with RawClient(guard.address) as other, RawClient(guard.address) as hit:
        other.greet()
        hit.greet()
        assert hit.ask(b"VRFY x") == b""
        assert other.ask(b"NOOP").startswith(b"250 ")
        other.bye()
    [crash] = guard.wait_for(lambda lines: select(lines, "session-crashed"), 20, "the crash")
    assert crash["error"] == "KeyError('a defect')"
    guard.stop()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_defect_in_a_reload_is_a_reload_that_failed(start: Start, tmp_path: Path, workers: str) -> None:
    """And the next one works."""
    defect = f"""
from pathlib import Path
from smtpguard.service import orders
load = orders.load_policy
def broken(*given, **more):
    if Path({str(tmp_path / "broken")!r}).exists():
        raise RecursionError("a defect")
    return load(*given, **more)
orders.load_policy = broken
"""
    path = tmp_path / "guard.pid"
    guard = start("--workers", workers, "--pid-file", str(path), before=changed(defect))
    (tmp_path / "broken").touch()
    guard.reload()
    [failed] = guard.wait_for(lambda lines: select(lines, "reload-failed"), 20, "the failure")
    assert failed["error"] == "a defect while reading: RecursionError('a defect')"
    (tmp_path / "broken").unlink()
    guard.reload()
    guard.wait_for(lambda lines: len(select(lines, "reloaded")) == int(workers), 20, "the reload")
    until(lambda: path.read_text().splitlines()[1:] == ["2", "2", DONE], 20, "the answer")


def test_a_stop_while_it_reads(start: Start, tmp_path: Path) -> None:
    """SIGHUP, and SIGTERM while the files are read: it ends as ever, and in time."""
    mark = tmp_path / "reads"
    slow = f"""
from pathlib import Path
from smtpguard.service import orders
load, stop = orders.load_policy, None
reads = 0
def slow(*given, **more):
    global reads
    reads += 1
    if reads > 1:
        Path({str(mark)!r}).touch()
        assert stop.wait(20)
    return load(*given, **more)
orders.load_policy = slow
import threading
stop = threading.Event()
from smtpguard.relay.guard import Guard
ends = Guard.stop
async def ending(self, *given, **more):
    await ends(self, *given, **more)
    stop.set()
Guard.stop = ending
"""
    path = tmp_path / "guard.pid"
    guard = start("--pid-file", str(path), before=changed(slow))
    guard.reload()
    until(mark.exists, 20, "the files to be read")
    journal = guard.stop()
    assert [line["event"] for line in journal] == ["listening", "stopping", "stopped"]
    assert not path.exists()
