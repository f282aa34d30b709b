"""``lab up`` inside a test, on the clock that jumps: its events as a list, and waiting for one of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from smtpguard.lab.scenario.file import load_scenario
from smtpguard.lab.scenario.model import Scenario
from smtpguard.lab.up.hosts import open_lab
from smtpguard.lab.up.plan import Wanted, plan

KB818222 = load_scenario("kb818222")

Line = tuple[str, dict[str, Any]]


class Journal:
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._news = asyncio.Condition()

    def __call__(self, event: str, fields: dict[str, object]) -> None:
        self.lines.append((event, fields))
        self._waiting = asyncio.get_running_loop().create_task(self._notify())

    async def _notify(self) -> None:
        async with self._news:
            self._news.notify_all()

    def named(self, event: str) -> list[dict[str, Any]]:
        """The fields of all events of that name."""
        return [fields for name, fields in self.lines if name == event]

    async def wait_for(
        self, event: str, count: int = 1, holds: Callable[[dict[str, Any]], bool] = lambda _: True
    ) -> None:
        """Until there are ``count`` such events; TimeoutError after ten simulated days."""
        async with asyncio.timeout(864_000), self._news:
            await self._news.wait_for(lambda: sum(map(holds, self.named(event))) >= count)

    def place(self, host: str) -> tuple[str, int]:
        """Where a host listens, by the event ``up``."""
        address, _, port = str(self.named("up")[0][host]).rpartition(":")
        return address.strip("[]"), int(port)


@asynccontextmanager
async def lab(scenario: Scenario = KB818222, **wanted: Any) -> AsyncIterator[Journal]:
    """A lab that is up; ``wanted``: fields of ``Wanted``."""
    journal = Journal()
    async with open_lab(plan(scenario, Wanted(**wanted)), journal):
        yield journal
