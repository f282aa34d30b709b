"""The pages of the endpoint: ``/metrics``, ``/healthz`` (the process works) and ``/readyz`` (new mail is welcome).

The last two are 200 or 503, with the reason in one line.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from smtpguard.watch.endpoint import Answer
from smtpguard.watch.metrics import CONTENT_TYPE, Metrics
from smtpguard.watch.readiness import Readiness


class Pages:
    """``refresh`` brings the figures up to date before they are read; ``health`` says what is wrong, or ""."""

    def __init__(
        self, metrics: Metrics, readiness: Readiness, refresh: Callable[[], None], health: Callable[[], str]
    ) -> None:
        self._metrics = metrics
        self._readiness = readiness
        self._refresh = refresh
        self._health = health

    async def answer(self, path: str) -> Answer:
        """What ``path`` holds."""
        if path == "/metrics":
            self._refresh()
            self._metrics.ready(not await self._readiness.reason())
            return Answer(HTTPStatus.OK, self._metrics.text(), CONTENT_TYPE)
        if path == "/healthz":
            return _verdict(self._health())
        if path == "/readyz":
            return _verdict(self._health() or await self._readiness.reason())
        return Answer(HTTPStatus.NOT_FOUND, b"/metrics, /healthz and /readyz are here\n")


def _verdict(why: str) -> Answer:
    if why:
        return Answer(HTTPStatus.SERVICE_UNAVAILABLE, why.encode() + b"\n")
    return Answer(HTTPStatus.OK, b"ok\n")
