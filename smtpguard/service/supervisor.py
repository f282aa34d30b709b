"""Several workers under one supervisor: it holds the sockets, starts the workers, and speaks for all of them.

Each worker has a listening socket of its own on the same port (SO_REUSEPORT), which the supervisor keeps open too: who
calls while a worker is dead waits for the next one. Where systemd holds the sockets, all workers share those. A worker
that dies is started again, soon and then later; one that says nothing for ``HANG_SECONDS`` is killed. A worker that
will not live ends the whole guard, with status 1: whoever started it should hear of that.

SIGTERM and SIGINT go on to all workers, and the supervisor ends behind them. SIGHUP reads policy and settings here
first; what is broken reaches no worker. A supervisor that is killed takes its workers with it: they drain.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable

from smtpguard.relay.guard import Sockets
from smtpguard.relay.interception import InterceptError, Interception
from smtpguard.relay.listening import listening_sockets
from smtpguard.service.dependencies import find_store, find_upstream
from smtpguard.service.errors import ServiceError
from smtpguard.service.onlookers import Onlookers, onlookers
from smtpguard.service.orders import InForce, Orders, described, names, read_anew, warnings
from smtpguard.service.outlook import Outlook, open_journal, say
from smtpguard.service.pid_file import DONE
from smtpguard.service.reload_rounds import ReloadRounds
from smtpguard.service.running import LOOK_SECONDS, toward, unable_to_listen
from smtpguard.service.signals import heed, heed_no_more, hold_reloads
from smtpguard.service.supervised import Supervised
from smtpguard.service.systemd import Systemd

HANG_SECONDS = 30.0
AFTER_GRACE_SECONDS = 15.0
"""What a worker has to end, beyond the grace of its sessions, before it is killed."""


def serve_by_workers(orders: Orders, terms: InForce, systemd: Systemd, sockets: Sockets | None) -> int:
    """Until SIGTERM; the exit status. Raises ServiceError."""
    hold_reloads()
    with onlookers(systemd, orders.pid_file) as those:
        # Not uvloop: it has a thing of its own to do at a fork.
        return asyncio.run(_Supervisor(orders, terms, those).run(sockets))


class _Supervisor:
    def __init__(self, orders: Orders, terms: InForce, those: Onlookers) -> None:
        self._orders = orders
        self._terms = terms
        self._onlookers = those
        self._outlook = Outlook(orders, terms.settings)
        self._workers: list[Supervised] = []
        self._stopping = False
        self._given_up = False
        self._changed = asyncio.Event()
        self._reloads = ReloadRounds(self._send_reload, those.reloaded)

    async def run(self, sockets: Sockets | None) -> int:
        orders = self._orders
        loop = asyncio.get_running_loop()
        await find_upstream(orders.upstream)
        await find_store(orders, self._terms)
        by_worker = await self._sockets(sockets)
        self._journal = journal = open_journal(loop.call_later)
        self._record = self._outlook.recording(journal)
        try:
            shown = await self._outlook.open(self._refresh, self._health)
            heed(loop, self._stop, self._reload)
            # Of signals that wait the kernel shows the last one first: behind Ctrl-C on a terminal, which ends the
            # workers too, their ends must not be heard of before it.
            loop.add_signal_handler(signal.SIGCHLD, loop.call_soon, self._bury)
            for index, own in enumerate(by_worker):
                self._workers.append(Supervised(index + 1, own, self))
            for worker in self._workers:
                try:
                    self._start(worker)
                except OSError as error:
                    raise ServiceError(f"--workers: can't start number {worker.number}: {error.strerror}") from error
            await self._until(lambda: self._stopping or all(worker.is_ready for worker in self._workers))
            if not self._stopping:
                ports = [some[0].getsockname()[1] if some else 0 for some in by_worker[0]]
                described_so = described(orders, self._terms, ports[0] or ports[1], ports[1])
                self._record("listening", {**described_so, **shown, "processes": self._processes()})
                for event, fields in warnings(self._terms).items():
                    self._record(event, fields)
                journal.flush()
                self._onlookers.ready(self._terms.rulebook.name)
            await self._watch()
            return 1 if self._given_up else 0
        finally:
            loop.remove_signal_handler(signal.SIGCHLD)  # a loop that is being closed can't be told of their ends
            for worker in self._workers:
                worker.kill()
            await self._outlook.close()
            journal.close()
            heed_no_more(loop)

    # --- beginning ---------------------------------------------------------------------------------------------

    async def _sockets(self, lent: Sockets | None) -> list[Sockets]:
        """Those of each worker."""
        orders = self._orders
        if lent is not None:
            return [lent] * orders.workers
        plain: list[list[socket.socket]] = [[] for _ in range(orders.workers)]
        encrypted: list[list[socket.socket]] = [[] for _ in range(orders.workers)]
        first = True
        try:
            if orders.listen is not None:
                plain = await self._bind(*orders.listen)
            first = False
            if orders.tls_listen is not None:
                encrypted = await self._bind(*orders.tls_listen)
        except (InterceptError, OSError, UnicodeError) as error:
            raise unable_to_listen(orders, error, first=first) from error
        return list(zip(plain, encrypted, strict=True))

    async def _bind(self, host: str, port: int) -> list[list[socket.socket]]:
        """As many listeners on one port as there are workers."""
        towards = toward(self._orders)
        interception = towards if isinstance(towards, Interception) else None

        def prepare(listener: socket.socket) -> None:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if interception is not None:
                interception.prepare(listener)

        if port:
            # Without SO_REUSEPORT, to find out whether somebody else has it, perhaps another guard.
            for probe in await listening_sockets(host, port):
                probe.close()
        found: list[list[socket.socket]] = []
        for _ in range(self._orders.workers):
            found.append(await listening_sockets(host, port, prepare))
            port = found[0][0].getsockname()[1]
        return found

    def _start(self, worker: Supervised) -> None:
        worker.start(self._orders, self._terms, lent=self._orders.by_systemd)

    # --- while it runs -----------------------------------------------------------------------------------------

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._changed.wait()
            self._look()

    async def _watch(self) -> None:
        """Until the last worker is gone behind a stop."""
        await self._until(lambda: self._stopping)
        limit = asyncio.get_running_loop().time() + self._terms.settings.drain + AFTER_GRACE_SECONDS
        late = asyncio.get_running_loop().call_at(limit, self._lose_patience)
        await self._until(lambda: not any(worker.process for worker in self._workers))
        late.cancel()
        self._record("stopped", {})

    def _look(self) -> None:
        """Who hangs is killed, and buried when the kernel says so."""
        for worker in self._workers:
            if worker.process and worker.silence() > HANG_SECONDS and not self._stopping:
                self._kill(worker)
        self._onlookers.alive(asyncio.get_running_loop().time())

    def _kill(self, worker: Supervised) -> None:
        self._record("worker-hung", {"worker": worker.number, "process": worker.process})
        worker.kill()

    def _bury(self) -> None:
        """Some child has died: start the next one, or end."""
        for worker in self._workers:
            status = worker.reap()
            if status is None:
                continue
            self._changed.set()
            if self._stopping:
                continue
            # The next one begins under the new terms.
            self._reloads.answered(worker.number, DONE)
            self._try_again(worker, "worker-died", status=status, **({"line_cut": True} if worker.cut else {}))

    def _try_again(self, worker: Supervised, why: str, **fields: object) -> None:
        """Start it after a while, or give up."""
        loop = asyncio.get_running_loop()
        delay = worker.restarts.delay(worker.born, loop.time())
        again = {"again_in": delay} if delay is not None else {}
        self._record(why, {"worker": worker.number, **fields, **again})
        if delay is not None:
            loop.call_later(delay, self._start_again, worker)
            return
        self._record("worker-given-up", {"worker": worker.number})
        say(f"worker {worker.number} dies as soon as it is started; the guard stops")
        self._given_up = True
        self._stop()

    def _processes(self) -> list[int]:
        return [worker.process for worker in self._workers]

    def _start_again(self, worker: Supervised) -> None:
        if self._stopping:
            return
        try:
            self._start(worker)
        except OSError as error:
            self._try_again(worker, "worker-not-started", error=str(error.strerror))
        else:
            self._record("worker-started", {"worker": worker.number, "process": worker.process})

    # --- signals -----------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        if self._stopping:
            return
        self._stopping = True
        self._outlook.readiness.stopping = True
        self._onlookers.stopping()
        sessions = sum(worker.sessions for worker in self._workers)
        self._record("stopping", {"sessions": sessions, "grace": self._terms.settings.drain})
        for worker in self._workers:
            worker.stop()
        self._changed.set()

    def _lose_patience(self) -> None:
        for worker in self._workers:
            if worker.process:
                self._kill(worker)

    def _reload(self) -> None:
        if not self._stopping:
            self._reloads.ask()

    def _send_reload(self) -> set[int]:
        """Read the files, and have the workers read them; whom that concerns. Raises ServiceError."""
        self._onlookers.reloading()
        try:
            self._terms = read_anew(self._orders)
        except ServiceError as error:
            self._record("reload-failed", {**names(self._terms), "error": str(error)})
            raise
        for worker in self._workers:
            worker.signal(signal.SIGHUP)
        return {worker.number for worker in self._workers if worker.process}

    # --- what workers say --------------------------------------------------------------------------------------

    def wrote(self, lines: list[bytes]) -> None:
        """Whole lines of a worker's journal."""
        self._journal.pass_on(lines)
        metrics = self._outlook.metrics
        if metrics is not None:
            metrics.record_lines(lines)

    def told(self, worker: Supervised, kind: str, fields: dict[str, object]) -> None:
        """A packet of a worker."""
        self._changed.set()
        if kind == "look" and self._outlook.metrics is not None:
            counted = fields.get("counted")
            self._outlook.metrics.add(counted if isinstance(counted, dict) else {})
        elif kind == "reloaded":
            self._reloads.answered(worker.number, str(fields["outcome"]))

    # --- what others ask ---------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        metrics = self._outlook.metrics
        if metrics is not None:
            metrics.stand(
                sessions=sum(worker.sessions for worker in self._workers),
                held=sum(worker.held for worker in self._workers),
                workers=sum(1 for worker in self._workers if worker.process),
                lost=self._journal.lost,
            )

    def _health(self) -> str:
        return "" if any(worker.process and worker.is_ready for worker in self._workers) else "no worker runs"
