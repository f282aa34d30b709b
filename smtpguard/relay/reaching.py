"""One connection to a server before mail depends on it, so that a wrong address is found at once."""

from __future__ import annotations

import asyncio
import contextlib
import os

from smtpguard.relay.addresses import Address, show_address

ACCEPT_SECONDS = 10.0
"""How long the server may take to accept it."""


class UnreachableError(Exception):
    """Nobody accepts a connection there; one line that begins with the option that names the server."""


async def reach(server: Address, option: str) -> None:
    """Connect and hang up. Raises UnreachableError."""
    where = f"{option} {show_address(server)}"
    try:
        async with asyncio.timeout(ACCEPT_SECONDS):
            _, writer = await asyncio.open_connection(*server)
    except TimeoutError as error:
        raise UnreachableError(f"{where}: no answer in {ACCEPT_SECONDS:.0f} s; is it running?") from error
    except UnicodeError as error:
        raise UnreachableError(f"{where}: {server[0]!r} is no host name") from error
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else (error.strerror or str(error))
        raise UnreachableError(f"{where}: {reason}; is the server running there?") from error
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
