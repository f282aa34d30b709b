"""One worker as its supervisor sees it: a real process below a script, which prints what it found.

A script of its own, because a fork of the tests' process would take its threads' locks along.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

_PROGRAM = """
import asyncio, fcntl, json, os, signal, struct, termios, time
from smtpguard.relay.listening import listening_sockets
from smtpguard.service import supervised, worker as module
from smtpguard.service.orders import read
from smtpguard.service.supervised import Supervised
from tests.service.ordering import orders

def waiting(pipe):
    return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))[0]

class Hears:
    def __init__(self):
        self.lines, self.kinds, self.news = [], [], asyncio.Event()
    def wrote(self, lines):
        self.lines += lines
        self.news.set()
    def told(self, worker, kind, fields):
        self.kinds.append(kind)
        self.news.set()
    async def until(self, condition):
        while not condition():
            self.news.clear()
            await self.news.wait()

async def main():
    hears = Hears()
    loop = asyncio.get_running_loop()
    died = asyncio.Event()
    loop.add_signal_handler(signal.SIGCHLD, died.set)
    worker = Supervised(7, (await listening_sockets("127.0.0.1", 0), ()), hears)
    terms = read(orders())
    def start():
        died.clear()
        worker.start(orders(), terms, lent=False)
    async def reaped():
        status = None
        while status is None:
            await died.wait()
            died.clear()
            status = worker.reap()
        return status
    async with asyncio.timeout(30):
{test}

asyncio.run(main())
"""


def found(test: str) -> Any:
    """What ``test``, with a ``worker`` that ``hears`` and functions ``start`` and ``reaped``, printed as JSON."""
    lines = "".join(f"        {line}\n" for line in test.strip().splitlines())
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM.replace("{test}", lines)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, ""), done.stderr[-3000:]
    return json.loads(done.stdout)


def test_a_life_from_ready_to_its_last_line() -> None:
    told = found("""
start()
await hears.until(lambda: worker.is_ready)
ready = worker.process > 0
worker.stop()
status = await reaped()
names = [json.loads(line)["event"] for line in hears.lines]
print(json.dumps([ready, status, worker.process, worker.is_ready, worker.cut, names, hears.kinds[0], hears.kinds[-2:]]))
""")
    assert told == [True, 0, 0, False, False, ["stopping", "stopped"], "ready", ["stopping", "look"]]


def test_who_is_not_there_is_told_nothing_and_not_reaped() -> None:
    told = found("""
worker.signal(signal.SIGKILL)
worker.kill()
print(json.dumps([worker.reap(), worker.process, worker.is_ready]))
""")
    assert told == [None, 0, False]


def test_a_line_that_is_cut_in_the_middle_is_dropped() -> None:
    """The pipe is full in the middle of a record when the worker is killed; the next one's lines begin anew."""
    told = found("""
async def three_long_lines(self):
    self._life._tell("filling")
    for number in range(3):
        self._journal("long", {"number": number, "text": "x" * 50_000})
    self._journal.flush()
run, module.Running.run = module.Running.run, three_long_lines
reads, Supervised._read_journal = Supervised._read_journal, lambda self: None
start()
await hears.until(lambda: "filling" in hears.kinds)
while waiting(worker._journal) < 60_000:
    await asyncio.sleep(0)
worker.kill()
Supervised._read_journal = reads
status = await reaped()
first = [json.loads(line)["number"] for line in hears.lines]
cut = worker.cut
module.Running.run, hears.lines = run, []
start()
await hears.until(lambda: worker.is_ready)
worker.stop()
await reaped()
print(json.dumps([status, first, cut, [json.loads(line)["event"] for line in hears.lines], worker.cut]))
""")
    assert told == [-9, [0], True, ["stopping", "stopped"], False]


def test_what_nobody_has_read_yet_is_no_silence() -> None:
    """The supervisor was busy, not the worker."""
    told = found("""
from smtpguard.service import running
running.LOOK_SECONDS = 0.05
start()
await hears.until(lambda: worker.is_ready)
time.sleep(2.0)
silence = worker.silence()
worker.kill()
await reaped()
print(json.dumps([silence < 2.0, worker.process]))
""")
    assert told == [True, 0]


def test_its_listener_closes_with_the_order_to_stop() -> None:
    """Else the kernel would go on taking connections for nobody."""
    told = found("""
start()
await hears.until(lambda: worker.is_ready)
worker.stop()
ours = worker._sockets[0][0].fileno()
await reaped()
print(json.dumps([ours]))
""")
    assert told == [-1]
