"""One guard on one loop, from its first socket to its last session: the whole of a guard with one worker, or a worker.

SIGTERM and SIGINT drain it. SIGHUP reads policy and settings anew, beside the mail: sessions that begin afterwards are
under the new ones, and where something is wrong with them, the old ones stay in force and both the journal and
``Life.reloaded`` hear why. Raises ServiceError for what keeps it from starting.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from smtpguard.journal.tally import RuleTally
from smtpguard.relay.addresses import Address, show_address
from smtpguard.relay.guard import Guard, Sockets
from smtpguard.relay.interception import InterceptError, Interception
from smtpguard.relay.listening import why_deaf
from smtpguard.relay.shared_store import LEASE_SECONDS, StoreError
from smtpguard.service.errors import ServiceError
from smtpguard.service.orders import InForce, Orders, names, read_anew, warnings
from smtpguard.service.pid_file import DONE
from smtpguard.service.signals import heed, heed_no_more

LOOK_SECONDS = 1.0
"""How often the guard is looked at: what it holds, who is slow, whether its loop still turns."""

Write = Callable[[str, dict[str, object]], None]


class Life(Protocol):
    """Who hears how a guard fares."""

    def ready(self, guard: Guard) -> None:
        """It listens."""

    def looked(self, guard: Guard) -> None:
        """It was looked at; every ``LOOK_SECONDS``, as long as the loop turns."""

    def reloading(self) -> None:
        """A reload begins."""

    def reloaded(self, outcome: str) -> None:
        """A reload is over: ``pid_file.DONE``, or why not."""

    def stopping(self) -> None:
        """It takes no new sessions any more."""


class Running:
    """``journal`` takes each record. ``sockets`` are bound already, or None; ``lent`` ones have another listener, or
    will have, when we stop."""

    def __init__(
        self,
        orders: Orders,
        terms: InForce,
        journal: Write,
        life: Life,
        *,
        sockets: Sockets | None = None,
        lent: bool = False,
    ) -> None:
        self._orders = orders
        self._terms = terms
        self._journal = journal
        self._life = life
        self._sockets = sockets
        self._lent = lent
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()

    async def run(self) -> None:
        """Until SIGTERM, and then until the last session is over."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_exception)
        heed(loop, self._stop.set, self._reload.set)
        tally = RuleTally(self._journal, loop.call_later)
        guard = self._make(tally)
        await self._open(guard)
        self._life.ready(guard)
        tasks = [loop.create_task(work) for work in (self._look(guard), self._renew(guard), self._reloads(guard))]
        try:
            await self._stop.wait()
            self._life.stopping()
            self._journal("stopping", {"sessions": guard.sessions, "grace": self._terms.settings.drain})
            await guard.stop()
            tally.write()
            self._life.looked(guard)
            self._journal("stopped", {})
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            heed_no_more(loop)

    def stop(self) -> None:
        """What SIGTERM does."""
        self._stop.set()

    # --- beginning ---------------------------------------------------------------------------------------------

    def _make(self, journal: Write) -> Guard:
        orders, terms = self._orders, self._terms
        towards = toward(orders)
        return Guard(
            terms.rulebook,
            listen=orders.listen,
            tls_listen=orders.tls_listen,
            tls=terms.certificates,
            upstream=towards,
            journal=journal,
            settings=terms.settings,
            # Sessions of two runs must not share an id in one journal.
            run=f"{int(time.time()):x}-{os.getpid():x}-",
            shadow=terms.shadow,
            transcripts=orders.transcripts,
        )

    async def _open(self, guard: Guard) -> None:
        try:
            await guard.start(self._sockets, lent=self._lent)
        except (InterceptError, OSError, UnicodeError) as error:
            raise unable_to_listen(self._orders, error, first=not guard.listening) from error

    # --- while it runs -----------------------------------------------------------------------------------------

    async def _look(self, guard: Guard) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_SECONDS
            await asyncio.sleep(LOOK_SECONDS)
            guard.look(lag=loop.time() - due)
            self._life.looked(guard)

    async def _renew(self, guard: Guard) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 4)
            await guard.renew()

    async def _reloads(self, guard: Guard) -> None:
        while True:
            await self._reload.wait()
            self._reload.clear()
            self._life.reloading()
            try:
                # In a thread: a big policy takes a while to read, and mail should not wait for it.
                terms = await asyncio.to_thread(read_anew, self._orders)
                guard.adopt(terms.rulebook, terms.shadow, terms.settings)
                guard.swap_tls(terms.certificates)
            except (ServiceError, StoreError) as error:
                self._journal("reload-failed", {**names(self._terms), "error": str(error)})
                self._life.reloaded(str(error))
            else:
                self._terms = terms
                self._journal("reloaded", names(terms))
                for event, fields in warnings(terms).items():
                    self._journal(event, fields)
                self._life.reloaded(DONE)

    def _on_exception(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """A defect of ours in one session: its connection is closed by the loop, the others go on."""
        error = context.get("exception")
        if isinstance(error, OSError):
            return  # a peer's, which the session has heard of by itself
        self._journal("session-crashed", {"error": repr(error), "message": str(context.get("message", ""))})


def toward(orders: Orders) -> Address | Interception:
    """Where sessions go. Raises ServiceError where nothing says so."""
    if orders.intercept is not None:
        return Interception(orders.intercept, orders.upstream)
    if orders.upstream is None:
        raise ServiceError("missing option '--upstream': the server behind the guard; see `smtpguard serve --help`")
    return orders.upstream


def unable_to_listen(orders: Orders, error: Exception, *, first: bool) -> ServiceError:
    """One line for what kept us from listening, at the ``first`` of the two addresses or at the second."""
    if isinstance(error, InterceptError):
        return ServiceError(f"--intercept: {error}")
    plain = orders.by_systemd or orders.listen is not None
    address = orders.listen if plain and first else orders.tls_listen
    option = "--listen" if plain and first else "--tls-listen"
    where = f"{option} {show_address(address)}" if address is not None else f"{option} systemd"
    if isinstance(error, UnicodeError) and address is not None:
        return ServiceError(f"{where}: {address[0]!r} is no host name")
    return ServiceError(f"{where}: {why_deaf(error) if isinstance(error, OSError) else error}")


def run_on_fastest_loop(main: Callable[[], Any]) -> None:
    """uvloop where there is one; asyncio's own loop does the same, more slowly."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main())
        return
    uvloop.run(main())
