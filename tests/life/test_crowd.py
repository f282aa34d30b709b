"""Five thousand idle sessions and a thousand that trickle, at once: new clients are still served."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import time
from pathlib import Path

from tests.life.processes import Receiver
from tests.real.guard_process import GuardProcess
from tests.real.raw_client import RawClient

IDLE = 5_000
TRICKLERS = 1_000
NEW = 20

_SETTINGS = """\
max_sessions: 10000
limits: {payload_rate: 100, payload_seconds: 5}
"""


def resident(process: int) -> int:
    """Octets of a process's resident set."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * resource.getpagesize()


async def crowd(address: tuple[str, int], guard: GuardProcess) -> tuple[float, float]:
    """KiB a session, and the longest that a new client waited for a whole message, in seconds."""
    opened: list[asyncio.StreamWriter] = []
    readers: list[asyncio.StreamReader] = []
    at_once = asyncio.Semaphore(100)

    async def open_one(text: bytes) -> None:
        async with at_once:
            reader, writer = await asyncio.open_connection(*address)
            opened.append(writer)
            readers.append(reader)
            await reader.readline()
            if text:
                writer.write(text)
                await reader.readuntil(b"354")

    trickling = True

    async def trickle() -> None:
        while trickling:
            for writer in opened[IDLE:]:
                with contextlib.suppress(OSError, RuntimeError):
                    writer.write(b"x")
            await asyncio.sleep(1)

    before = resident(guard.process)
    try:
        await asyncio.gather(*(open_one(b"") for _ in range(IDLE)))
        await asyncio.gather(
            *(open_one(b"EHLO t\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n") for _ in range(TRICKLERS))
        )
        kib = (resident(guard.process) - before) / 1024 / (IDLE + TRICKLERS)
        tricklers = asyncio.create_task(trickle())
        longest = 0.0
        for number in range(NEW):
            began = time.monotonic()
            await asyncio.to_thread(new_client, address, number)
            longest = max(longest, time.monotonic() - began)
        await asyncio.to_thread(guard.wait_for, lambda lines: slow(lines) >= TRICKLERS, 90, "the tricklers' ends")
        trickling = False
        await tricklers
    finally:
        for writer in opened:
            writer.transport.abort()
    return kib, longest


def slow(lines: list[dict[str, object]]) -> int:
    return sum(line["event"] == "slow-client" for line in lines)


def new_client(address: tuple[str, int], number: int) -> None:
    """A whole message."""
    with RawClient(address) as client:
        client.greet()
        client.envelope("c@d.example")
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(b"Subject: %d x\r\n\r\nhello\r\n.\r\n" % number)
        assert client.code() == 250
        client.bye()


def test_a_crowd(receiver: Receiver, tmp_path: Path) -> None:
    settings = tmp_path / "guard.yaml"
    settings.write_text(_SETTINGS)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 40_000), hard))
    guard = None
    try:
        receiver.kill()
        receiver.start()  # with the limit of now
        guard = GuardProcess(receiver.address, "strip-xexch50", "--config", str(settings))
        kib, longest = asyncio.run(crowd(guard.address, guard))
    finally:
        if guard is not None:
            guard.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    print(
        f"{IDLE} idle sessions and {TRICKLERS} tricklers: {kib:.1f} KiB a session, "
        f"a new client's message within {longest:.2f} s"
    )
    assert kib < 40
    assert longest < 10
