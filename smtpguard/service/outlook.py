"""What a guard shows of itself while it runs: figures, health and readiness, where the command line asks for them."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from typing import BinaryIO

from smtpguard.journal.outlet import OnLoss
from smtpguard.journal.writer import Journal, Later
from smtpguard.relay.addresses import show_address
from smtpguard.relay.listening import why_deaf
from smtpguard.relay.settings import RelaySettings
from smtpguard.service.errors import ServiceError
from smtpguard.service.orders import Orders
from smtpguard.watch.endpoint import Endpoint
from smtpguard.watch.metrics import Metrics
from smtpguard.watch.pages import Pages
from smtpguard.watch.readiness import Readiness

STDOUT = 1


class Outlook:
    """``metrics`` is None where nobody asked for figures."""

    def __init__(self, orders: Orders, settings: RelaySettings) -> None:
        self._address = orders.metrics
        self.metrics = Metrics() if orders.metrics is not None else None
        greets = settings.tls.upstream != "implicit" and settings.proxy_protocol.send is None
        self.readiness = Readiness(orders.upstream, greets=greets)
        self._endpoint: Endpoint | None = None

    async def open(self, refresh: Callable[[], None], health: Callable[[], str]) -> dict[str, object]:
        """Listen; what the record ``listening`` says of it. Raises ServiceError."""
        if self.metrics is None or self._address is None:
            return {}
        endpoint = Endpoint(Pages(self.metrics, self.readiness, refresh, health).answer)
        host, port = self._address
        try:
            await endpoint.start(host, port)
        except UnicodeError as error:
            raise ServiceError(f"--metrics {show_address(self._address)}: {host!r} is no host name") from error
        except OSError as error:
            raise ServiceError(f"--metrics {show_address(self._address)}: {why_deaf(error)}") from error
        self._endpoint = endpoint
        return {"metrics": show_address((host, endpoint.port))}

    async def close(self) -> None:
        """Stop listening."""
        if self._endpoint is not None:
            await self._endpoint.stop()

    def recording(self, journal: Callable[[str, dict[str, object]], None]) -> Callable[[str, dict[str, object]], None]:
        """A journal that is counted, too."""
        metrics = self.metrics
        if metrics is None:
            return journal

        def both(event: str, fields: dict[str, object]) -> None:
            metrics.record(event, fields)
            journal(event, fields)

        return both


def say(line: str) -> None:
    """One line for whoever looks after the process, if anybody still does."""
    with contextlib.suppress(OSError):
        print(f"smtpguard: {line}", file=sys.stderr, flush=True)  # noqa: T201


def _report_loss(error: OSError) -> None:
    say(f"the journal can't be written: {error.strerror or error}; mail goes on without it")


def open_journal(later: Later, on_loss: OnLoss = _report_loss) -> Journal:
    """The journal on standard output."""
    # Unbuffered: what could not be written must not come up again when Python ends.
    stream: BinaryIO = open(STDOUT, "wb", buffering=0, closefd=False)  # noqa: SIM115 - not ours to close
    return Journal(stream, later, on_loss)
