"""A guard in one process: its journal on standard output, its figures beside it; systemd and the pid file are told."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack

from smtpguard.relay.guard import Guard, Sockets
from smtpguard.service.orders import InForce, Orders, described, warnings
from smtpguard.service.outlook import Outlook, open_journal, say
from smtpguard.service.pid_file import DONE, PidFile
from smtpguard.service.running import Running, run_on_fastest_loop
from smtpguard.service.systemd import Systemd
from smtpguard.service.tracing import traced
from smtpguard.service.upstream import find_upstream


def serve_alone(orders: Orders, terms: InForce, systemd: Systemd, sockets: Sockets | None) -> None:
    """Until SIGTERM. Raises ServiceError."""
    with ExitStack() as stack:
        pid_file = stack.enter_context(PidFile(orders.pid_file)) if orders.pid_file is not None else None
        run_on_fastest_loop(lambda: _Alone(orders, terms, systemd, pid_file).run(sockets))


class _Alone:
    """The Life of the only guard."""

    def __init__(self, orders: Orders, terms: InForce, systemd: Systemd, pid_file: PidFile | None) -> None:
        self._orders = orders
        self._terms = terms
        self._systemd = systemd
        self._pid_file = pid_file
        self._outlook = Outlook(orders, terms.settings)
        self._guard: Guard | None = None
        self._shown: dict[str, object] = {}
        self._beaten = 0.0

    async def run(self, sockets: Sockets | None) -> None:
        await find_upstream(self._orders.upstream)
        self._journal = journal = open_journal(asyncio.get_running_loop().call_later)
        try:
            self._shown = await self._outlook.open(self._refresh, lambda: "")
            with traced(self._outlook.recording(journal), self._orders.traces) as record:
                lent = self._orders.by_systemd
                await Running(self._orders, self._terms, record, self, sockets=sockets, lent=lent).run()
        finally:
            await self._outlook.close()
            journal.flush()

    def ready(self, guard: Guard) -> None:
        """It listens."""
        self._guard = guard
        tls_port = guard.tls_port if self._orders.tls_listen is not None else 0
        self._journal("listening", {**described(self._orders, self._terms, guard.port, tls_port), **self._shown})
        for event, fields in warnings(self._terms).items():
            self._journal(event, fields)
        self._journal.flush()
        self._systemd.notify("READY=1", f"STATUS=Relaying under {self._terms.rulebook.name}")

    def looked(self, guard: Guard) -> None:
        """The loop turns."""
        now = asyncio.get_running_loop().time()
        if self._systemd.watchdog is not None and now >= self._beaten + self._systemd.watchdog - 1.0:
            self._beaten = now
            self._systemd.notify("WATCHDOG=1")

    def reloading(self) -> None:
        """A reload begins."""
        self._systemd.reloading()

    def reloaded(self, outcome: str) -> None:
        """A reload is over."""
        self._systemd.notify("READY=1")
        if outcome != DONE:
            say(f"reload: {outcome}; what was in force stays in force")
        if self._pid_file is not None:
            self._pid_file.tell(outcome)

    def stopping(self) -> None:
        """The last sessions end."""
        self._outlook.readiness.stopping = True
        self._systemd.notify("STOPPING=1")

    def _refresh(self) -> None:
        guard, metrics = self._guard, self._outlook.metrics
        if guard is not None and metrics is not None:
            metrics.add(guard.meter.take())
            metrics.stand(sessions=guard.sessions, held=guard.held, workers=1, lost=self._journal.lost)
