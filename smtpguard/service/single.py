"""A guard in one process: its journal on standard output, its figures beside it; systemd and the pid file are told."""

from __future__ import annotations

import asyncio

from smtpguard.relay.guard import Guard, Sockets
from smtpguard.service.dependencies import find_store, find_upstream
from smtpguard.service.onlookers import Onlookers, onlookers
from smtpguard.service.orders import InForce, Orders, described, warnings
from smtpguard.service.outlook import Outlook, open_journal
from smtpguard.service.running import Running, run_on_fastest_loop
from smtpguard.service.signals import hold_reloads
from smtpguard.service.systemd import Systemd
from smtpguard.service.tracing import traced


def serve_alone(orders: Orders, terms: InForce, systemd: Systemd, sockets: Sockets | None) -> None:
    """Until SIGTERM. Raises ServiceError."""
    hold_reloads()
    with onlookers(systemd, orders.pid_file) as those:
        run_on_fastest_loop(lambda: _Alone(orders, terms, those).run(sockets))


class _Alone:
    """The Life of the only guard."""

    def __init__(self, orders: Orders, terms: InForce, those: Onlookers) -> None:
        self._orders = orders
        self._terms = terms
        self._onlookers = those
        self._outlook = Outlook(orders, terms.settings)
        self._guard: Guard | None = None
        self._shown: dict[str, object] = {}

    async def run(self, sockets: Sockets | None) -> None:
        await find_upstream(self._orders.upstream)
        await find_store(self._orders, self._terms)
        self._journal = journal = open_journal(asyncio.get_running_loop().call_later)
        try:
            self._shown = await self._outlook.open(self._refresh, lambda: "")
            with traced(self._outlook.recording(journal), self._orders.traces) as record:
                lent = self._orders.by_systemd
                await Running(self._orders, self._terms, record, self, sockets=sockets, lent=lent).run()
        finally:
            await self._outlook.close()
            journal.close()

    def ready(self, guard: Guard) -> None:
        """It listens."""
        self._guard = guard
        tls_port = guard.tls_port if self._orders.tls_listen is not None else 0
        self._journal("listening", {**described(self._orders, self._terms, guard.port, tls_port), **self._shown})
        for event, fields in warnings(self._terms).items():
            self._journal(event, fields)
        self._journal.flush()
        self._onlookers.ready(self._terms.rulebook.name)

    def looked(self, guard: Guard) -> None:
        """The loop turns."""
        self._onlookers.alive(asyncio.get_running_loop().time())

    def reloading(self) -> None:
        """A reload begins."""
        self._onlookers.reloading()

    def reloaded(self, outcome: str) -> None:
        """A reload is over."""
        self._onlookers.reloaded(outcome)

    def stopping(self) -> None:
        """The last sessions end."""
        self._outlook.readiness.stopping = True
        self._onlookers.stopping()

    def _refresh(self) -> None:
        guard, metrics = self._guard, self._outlook.metrics
        if guard is not None and metrics is not None:
            metrics.add(guard.meter.take())
            metrics.stand(sessions=guard.sessions, held=guard.held, workers=1, lost=self._journal.lost)
