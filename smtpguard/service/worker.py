"""A worker: a guard in a process of its own, below a supervisor.

It is forked, so it has the policy that was in force, whatever the file says by then. Its journal goes down a pipe, and
what its supervisor should know goes through a socket, a JSON packet each: ``ready``, ``look`` every second,
``reloaded`` and ``stopping``. When that socket ends the supervisor is gone: the worker drains.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
import traceback
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

import orjson

from smtpguard.journal.writer import Journal
from smtpguard.relay.guard import Guard, Sockets
from smtpguard.service.errors import ServiceError
from smtpguard.service.orders import InForce, Orders
from smtpguard.service.running import Running, run_on_fastest_loop
from smtpguard.service.tracing import traced

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""Blocked from before the fork until the worker has handlers of its own."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a worker is given. ``lent``: the sockets are systemd's, and others listen on them too."""

    number: int
    sockets: Sockets
    lent: bool
    journal: int  # the writing end of a pipe
    supervisor: socket.socket  # of packets


def be_worker(orders: Orders, terms: InForce, post: Post) -> NoReturn:
    """Everything that the process does after the fork; never returns to what the supervisor was about."""
    status = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        _part_with_the_rest(post)
        asyncio.set_event_loop(None)
        run_on_fastest_loop(lambda: _Worker(orders, terms, post).run())
        status = 0
    except ServiceError as error:
        print(f"smtpguard: worker {post.number}: {error}", file=sys.stderr, flush=True)  # noqa: T201
        status = 2
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _part_with_the_rest(post: Post) -> None:
    """What the supervisor has open leads nowhere from here on: the others' sockets must close when they say so.

    The numbers stay taken, by /dev/null: objects that we have a copy of may still close theirs.
    """
    keep = {0, 2, post.journal, post.supervisor.fileno(), *(held.fileno() for some in post.sockets for held in some)}
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - descriptors, not files
        descriptor = int(name)
        if descriptor not in keep and descriptor != nothing:
            try:
                os.fstat(descriptor)
            except OSError:
                continue  # that of the listing itself
            os.dup2(nothing, descriptor, inheritable=False)


class _Worker:
    """The Life of one worker's guard."""

    def __init__(self, orders: Orders, terms: InForce, post: Post) -> None:
        self._orders = orders
        self._terms = terms
        self._post = post

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        post = self._post
        stream: BinaryIO = open(post.journal, "wb", buffering=0)  # noqa: SIM115, ASYNC230, PTH123 - a pipe, for good
        # A supervisor that is gone reads no journal any more; what is left to do is to drain.
        journal = Journal(stream, loop.call_later, lambda _: None, common={"worker": post.number})
        post.supervisor.setblocking(False)
        try:
            with traced(journal, self._orders.traces) as record:
                running = Running(self._orders, self._terms, record, self, sockets=post.sockets, lent=post.lent)
                loop.add_reader(post.supervisor, self._supervisor_spoke, running)
                await running.run()
        finally:
            loop.remove_reader(post.supervisor)
            journal.close()

    def _supervisor_spoke(self, running: Running) -> None:
        try:
            gone = not self._post.supervisor.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            gone = True
        if gone:
            asyncio.get_running_loop().remove_reader(self._post.supervisor)
            running.stop()

    def _tell(self, kind: str, **fields: object) -> None:
        with contextlib.suppress(OSError):  # it is gone, or so busy that it can do without
            self._post.supervisor.send(orjson.dumps({"kind": kind, **fields}))

    # --- what the supervisor hears -----------------------------------------------------------------------------

    def ready(self, guard: Guard) -> None:
        """It listens, and takes signals from now on: those that came since the fork, too."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        self._tell("ready")

    def looked(self, guard: Guard) -> None:
        """The loop turns."""
        self._tell("look", sessions=guard.sessions, held=guard.held, counted=guard.meter.take())

    def reloading(self) -> None:
        """A reload begins."""

    def reloaded(self, outcome: str) -> None:
        """A reload is over."""
        self._tell("reloaded", outcome=outcome)

    def stopping(self) -> None:
        """The last sessions end."""
        self._tell("stopping")
