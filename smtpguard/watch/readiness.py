"""Whether new mail is welcome: the guard is not stopping, and the upstream answers.

    readiness = Readiness(("192.0.2.10", 25), greets=True)
    await readiness.reason()        # "" when ready, else why not

The upstream is asked only when somebody wants to know, and at most once every ``FRESH_SECONDS``: one connection that
takes leave with QUIT. Where it does not greet whoever calls (TLS from the first octet, a PROXY header wanted), or there
is no fixed upstream, an accepted connection, or nothing, is all that is asked.
"""

from __future__ import annotations

import asyncio
import os
import time

FRESH_SECONDS = 5.0
PROBE_SECONDS = 3.0
_MAX_LINE = 4096

Address = tuple[str, int]


class Readiness:
    """``upstream`` is None where each session has its own."""

    def __init__(self, upstream: Address | None, *, greets: bool = True) -> None:
        self._upstream = upstream
        self._greets = greets
        self._why = ""
        self._asked: float | None = None
        self._asking = asyncio.Lock()
        self.stopping = False

    async def reason(self) -> str:
        """Why new mail is not welcome now; "" when it is."""
        if self.stopping:
            return "the guard is stopping"
        if self._upstream is None:
            return ""
        async with self._asking:
            if self._asked is None or time.monotonic() - self._asked > FRESH_SECONDS:
                self._why = await probe(*self._upstream, greets=self._greets)
                self._asked = time.monotonic()
        return self._why


async def probe(host: str, port: int, *, greets: bool, seconds: float = PROBE_SECONDS) -> str:
    """Why the server there is of no use now; "" when it is."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port, limit=_MAX_LINE)
            try:
                if greets:
                    greeting = await reader.readline()
                    if not greeting.startswith(b"220"):
                        return "the upstream does not greet with 220"
                    writer.write(b"QUIT\r\n")
                    await reader.readline()
            finally:
                writer.transport.abort()
    except TimeoutError:
        return f"the upstream does not answer in {seconds:g} s"
    except (OSError, ValueError) as error:  # a ValueError is a line without end, or a name that no DNS can hold
        return f"the upstream does not answer: {_words(error)}"
    return ""


def _words(error: OSError | ValueError) -> str:
    """The system's own; asyncio puts a sentence of its own in their place."""
    if isinstance(error, OSError) and error.errno and error.errno > 0:
        return os.strerror(error.errno)
    return str(error)
