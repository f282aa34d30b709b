"""The watch over deadlines: when it looks at sessions, and that looking stays cheap. On a clock that jumps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import cast

import pytest

from smtpguard.lab.clock import VirtualLoop
from smtpguard.relay.deadline_watch import DeadlineWatch
from smtpguard.relay.session import RelaySession
from tests.relay.hosts import run as real_run


class Waiting:
    """As much of a session as the watch knows: it is over at its deadline."""

    def __init__(self, among: set[Waiting], deadline: float | None, *, broken: bool = False) -> None:
        self.among = among
        self.deadline = deadline
        self.broken = broken
        self.looks: list[float] = []
        among.add(self)

    def look(self, now: float) -> float | None:
        self.looks.append(now)
        if self.broken:
            raise RuntimeError("of the test")
        if self.deadline is None or now < self.deadline:
            return self.deadline
        self.among.discard(self)
        return None

    def cut_off(self) -> None:
        self.among.discard(self)


Test = Callable[[set[Waiting], DeadlineWatch, asyncio.AbstractEventLoop], Coroutine[object, object, None]]


def run(test: Test) -> None:
    async def main() -> None:
        sessions: set[Waiting] = set()
        await test(sessions, DeadlineWatch(cast("set[RelaySession]", sessions)), asyncio.get_running_loop())

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(main())


def test_a_session_is_looked_at_when_its_deadline_is_due() -> None:
    async def test(sessions: set[Waiting], watch: DeadlineWatch, loop: asyncio.AbstractEventLoop) -> None:
        one = Waiting(sessions, 300.0)
        watch.begin(loop, 120.0)
        await asyncio.sleep(1000.0)
        assert one.looks == [120.0, 240.0, 300.0]

    run(test)


def test_one_that_begins_between_two_looks_is_not_missed() -> None:
    async def test(sessions: set[Waiting], watch: DeadlineWatch, loop: asyncio.AbstractEventLoop) -> None:
        Waiting(sessions, 10_000.0)
        watch.begin(loop, 100.0)
        await asyncio.sleep(130.0)
        late = Waiting(sessions, 230.5)
        watch.begin(loop, 100.0)
        await asyncio.sleep(500.0)
        assert late.looks[-1] == 230.5

    run(test)


def test_a_shorter_deadline_than_before_brings_the_next_look_nearer() -> None:
    async def test(sessions: set[Waiting], watch: DeadlineWatch, loop: asyncio.AbstractEventLoop) -> None:
        Waiting(sessions, 300.0)
        watch.begin(loop, 300.0)
        await asyncio.sleep(1.0)
        hasty = Waiting(sessions, 3.0)
        watch.begin(loop, 2.0)
        await asyncio.sleep(10.0)
        assert hasty.looks == [3.0]

    run(test)


def test_a_shorter_deadline_than_before_never_puts_the_next_look_off() -> None:
    async def test(sessions: set[Waiting], watch: DeadlineWatch, loop: asyncio.AbstractEventLoop) -> None:
        old = Waiting(sessions, 300.0)
        watch.begin(loop, 300.0)
        await asyncio.sleep(290.0)
        Waiting(sessions, 490.0)
        watch.begin(loop, 200.0)
        await asyncio.sleep(500.0)
        assert old.looks == [300.0]

    run(test)


def test_one_that_raises_is_cut_off_and_the_others_keep_their_deadlines() -> None:
    async def test(sessions: set[Waiting], watch: DeadlineWatch, loop: asyncio.AbstractEventLoop) -> None:
        told: list[str] = []
        loop.set_exception_handler(lambda _loop, context: told.append(str(context["exception"])))
        broken = [Waiting(sessions, 20.0, broken=True) for _ in range(3)]
        others = [Waiting(sessions, 15.0) for _ in range(3)]
        watch.begin(loop, 10.0)
        await asyncio.sleep(100.0)
        assert [one.looks for one in broken] == [[10.0]] * 3
        assert [one.looks for one in others] == [[10.0, 15.0]] * 3
        assert told == ["of the test"] * 3

    run(test)


def test_a_crowd_with_a_deadline_each_is_looked_at_no_oftener_than_it_pays() -> None:
    async def test(sessions: set[Waiting], watch: DeadlineWatch, loop: asyncio.AbstractEventLoop) -> None:
        crowd = [Waiting(sessions, 10.0 + number / 1000) for number in range(1000)]
        watch.begin(loop, 10.0)
        await asyncio.sleep(60.0)
        assert not sessions
        assert sum(len(one.looks) for one in crowd) < 15_000  # one look a deadline would be half a million
        assert max(one.looks[-1] - cast("float", one.deadline) for one in crowd) <= 0.1

    run(test)


def test_just_before_a_deadline_it_is_not_looked_at_again_and_again() -> None:
    """On the loops that serve: uvloop's timers go off up to half a millisecond early."""

    async def test() -> None:
        loop = asyncio.get_running_loop()
        sessions: set[Waiting] = set()
        crowd = [Waiting(sessions, loop.time() + 0.1 + number * 0.0107) for number in range(10)]
        DeadlineWatch(cast("set[RelaySession]", sessions)).begin(loop, 0.05)
        await asyncio.sleep(0.3)
        assert not sessions
        assert len(crowd[-1].looks) < 40

    real_run(test())


@pytest.mark.parametrize("end", [True, False])
def test_without_sessions_there_is_nothing_to_wait_for(end: bool) -> None:
    async def test(sessions: set[Waiting], watch: DeadlineWatch, loop: asyncio.AbstractEventLoop) -> None:
        none = Waiting(sessions, None)
        watch.begin(loop, 5.0)
        sessions.clear()
        if end:
            watch.end()
        await asyncio.sleep(20.0)
        assert none.looks == []
        again = Waiting(sessions, 30.0)
        watch.begin(loop, 5.0)
        await asyncio.sleep(20.0)
        assert again.looks[-1] == 30.0

    run(test)
