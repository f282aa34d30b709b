"""How the benchmark's own servers run: listen on a free port, say so as the guard does, stop on SIGTERM."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable


async def serve_until_stopped(protocol: Callable[[], asyncio.Protocol]) -> None:
    """Serve on 127.0.0.1 and print ``{"event": "listening", "port": N}``; return on SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    server = await loop.create_server(protocol, "127.0.0.1", 0, backlog=1024)
    print(json.dumps({"event": "listening", "port": server.sockets[0].getsockname()[1]}), flush=True)
    await stopped.wait()
    server.close()
