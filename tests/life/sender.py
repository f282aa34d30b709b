"""A client that sends numbered messages until each was acknowledged.

    python -m tests.life.sender PORT FILE COUNT SESSIONS

It writes each number down when it has its 250, and leaves out what the file holds already, so it may be killed and
started again. It runs COUNT messages, or, where COUNT is 0, until SIGTERM. At its end it prints what became of its
sessions: ``messages`` acknowledged; ``told`` by a 421 where nothing was lost; ``failed``: refused, reset, cut off, or
any other reply than the one due.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from itertools import count
from pathlib import Path
from random import Random

import uvloop

from tests.life.receiver import text_of

RECIPIENT = os.environ.get("SENDER_RECIPIENT", "b@test.example")
MESSAGES_A_SESSION = 10


class _ToldError(Exception):
    """421, and nothing is under way."""


class _Sender:
    def __init__(self, port: int, path: Path, number: int) -> None:
        self._port = port
        had = {int(line) for line in path.read_text().split()} if path.exists() else set()
        self._log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._again: list[int] = []
        self._numbers = iter(range(number)) if number else count(len(had))
        self._had = had
        self.counts: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.stopping = False

    def _next(self) -> int | None:
        if self._again:
            return self._again.pop()
        for number in self._numbers:
            if number not in self._had:
                return number
        return None

    async def work(self, seed: int) -> None:
        """One session after another."""
        random = Random(seed)
        while not self.stopping:
            number = self._next()
            if number is None:
                return
            self._again.append(number)
            try:
                await self._session(random)
            except _ToldError:
                self.counts["told"] += 1
                await asyncio.sleep(0.01)
            except (OSError, EOFError, ValueError) as error:
                self.counts["failed"] += 1
                self.reasons[f"{type(error).__name__}: {error}"[:120]] += 1
                await asyncio.sleep(random.uniform(0.02, 0.1))

    async def _session(self, random: Random) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await _expect(reader, b"220")
            writer.write(b"EHLO sender.example\r\n")
            await _expect(reader, b"250")
            for _ in range(MESSAGES_A_SESSION):
                number = self._next()
                if number is None:
                    break
                try:
                    await self._message(reader, writer, number, random)
                except BaseException:
                    self._again.append(number)
                    raise
                os.write(self._log, b"%d\n" % number)
                self.counts["messages"] += 1
                if self.stopping:
                    break
            writer.write(b"QUIT\r\n")
            await _expect(reader, b"221")
        finally:
            writer.transport.abort()

    async def _message(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, random: Random
    ) -> None:
        writer.write(b"MAIL FROM:<a@sender.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % RECIPIENT.encode())
        for code in (b"250", b"250", b"354"):
            await _expect(reader, code)
        body = b"".join(b"%d of %d\r\n" % (line, number) for line in range(random.choice((1, 3, 10, 100))))
        writer.write(text_of(number, body))
        try:
            await _expect(reader, b"250")
        except _ToldError as error:
            raise ValueError("421 in the place of a message's reply") from error


async def _expect(reader: asyncio.StreamReader, code: bytes) -> None:
    while True:
        line = await reader.readline()
        if line.startswith(b"421"):
            raise _ToldError
        if not line.endswith(b"\n"):
            raise EOFError("the connection ended")
        if not line.startswith(code):
            raise ValueError(f"{line!r} where {code!r} was due")
        if line[3:4] != b"-":
            return


async def _send(port: int, path: Path, number: int, sessions: int) -> None:
    sender = _Sender(port, path, number)

    def stop() -> None:
        sender.stopping = True

    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
    await asyncio.gather(*(sender.work(seed) for seed in range(sessions)))
    print(json.dumps({**sender.counts, "reasons": sender.reasons}))


if __name__ == "__main__":
    uvloop.run(_send(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
