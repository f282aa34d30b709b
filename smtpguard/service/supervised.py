"""One worker, seen from its supervisor: its process, its sockets, its journal's pipe, what it said last."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from contextlib import ExitStack
from typing import Protocol

import orjson

from smtpguard.relay.guard import Sockets
from smtpguard.service.orders import InForce, Orders
from smtpguard.service.restarts import Restarts
from smtpguard.service.whole_lines import WholeLines
from smtpguard.service.worker import SIGNALS, Post, be_worker

READ_OCTETS = 1 << 18
MAX_PACKET = 1 << 16


class Hears(Protocol):
    """Who is told what a worker says."""

    def wrote(self, lines: list[bytes]) -> None:
        """Whole lines of its journal."""

    def told(self, worker: Supervised, kind: str, fields: dict[str, object]) -> None:
        """One of its packets."""


class Supervised:
    """Worker ``number``. ``process`` is 0 while there is none; ``heard`` and ``born`` are the loop's time. ``cut``: the
    last one died in the middle of a line of its journal."""

    def __init__(self, number: int, sockets: Sockets, hears: Hears) -> None:
        self.number = number
        self.process = 0
        self.born = 0.0
        self.heard = 0.0
        self.is_ready = False
        self.sessions = 0
        self.held = 0
        self.cut = False
        self.restarts = Restarts()
        self._sockets = sockets
        self._hears = hears
        self._journal = -1
        self._lines = WholeLines()
        self._channel: socket.socket | None = None

    def start(self, orders: Orders, terms: InForce, *, lent: bool) -> None:
        """Fork. The child never comes back from here. Raises OSError where the kernel has no place for one more."""
        loop = asyncio.get_running_loop()
        self.born = self.heard = loop.time()
        with ExitStack() as ours, ExitStack() as theirs:
            reading, writing = os.pipe2(os.O_CLOEXEC)
            ours.callback(os.close, reading)
            theirs.callback(os.close, writing)
            near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.callback(near.close)
            theirs.callback(far.close)
            before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
            try:
                process = os.fork()
                if not process:
                    be_worker(orders, terms, Post(self.number, self._sockets, lent, writing, far))
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
            ours.pop_all()
        self.process = process
        self._journal, self._channel = reading, near
        os.set_blocking(self._journal, False)
        self._channel.setblocking(False)
        loop.add_reader(self._journal, self._read_journal)
        loop.add_reader(self._channel, self._read_channel)

    def signal(self, number: int) -> None:
        """Pass a signal on."""
        if self.process:
            os.kill(self.process, number)

    def stop(self) -> None:
        """Listen no more, and drain. First our copy of its sockets: else the kernel would go on taking connections."""
        for some in self._sockets:
            for held in some:
                held.close()
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        """At once, or as soon as the kernel can."""
        self.heard = asyncio.get_running_loop().time()
        self.signal(signal.SIGKILL)

    def silence(self) -> float:
        """Seconds since it was heard; what it has said and we have not read yet counts."""
        self._read_channel()
        return asyncio.get_running_loop().time() - self.heard

    def reap(self) -> int | None:
        """Its exit status where it has just died (minus the signal that killed it), else None."""
        if not self.process:
            return None
        process, status = os.waitpid(self.process, os.WNOHANG)
        if not process:
            return None
        self._read_channel()
        self._read_journal()
        self._hang_up()
        self.process = 0
        self.is_ready = False
        self.sessions = self.held = 0
        return os.waitstatus_to_exitcode(status)

    # --- what it says ------------------------------------------------------------------------------------------

    def _read_journal(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while octets := os.read(self._journal, READ_OCTETS):
                if lines := self._lines.feed(octets):
                    self._hears.wrote(lines)
            asyncio.get_running_loop().remove_reader(self._journal)

    def _read_channel(self) -> None:
        channel = self._channel
        if channel is None:
            return
        with contextlib.suppress(BlockingIOError, ConnectionError):
            while packet := channel.recv(MAX_PACKET):
                self._take(orjson.loads(packet))
            asyncio.get_running_loop().remove_reader(channel)

    def _take(self, fields: dict[str, object]) -> None:
        self.heard = asyncio.get_running_loop().time()
        kind = str(fields.pop("kind"))
        if kind == "ready":
            self.is_ready = True
        elif kind == "look":
            self.sessions, self.held = int(str(fields["sessions"])), int(str(fields["held"]))
        self._hears.told(self, kind, fields)

    def _hang_up(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._journal)
        os.close(self._journal)
        if self._channel is not None:
            loop.remove_reader(self._channel)
            self._channel.close()
            self._channel = None
        self.cut = self._lines.cut()
