"""How long the guard waits for what: RFC 5321 4.5.3.2's figures, in seconds, each a setting.

The guard stands between two peers that have time-outs of their own; it uses the RFC's least values for a client
waiting for a server, so that it is never less patient than the RFC asks of either.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadlines:
    """All in seconds."""

    greeting: float = 300.0  # 4.5.3.2.1
    reply: float = 300.0  # 4.5.3.2.2 and .3: MAIL and RCPT, and every other command
    data_init: float = 120.0  # 4.5.3.2.4: the 354
    data_block: float = 180.0  # 4.5.3.2.5: between two reads of a payload
    message_end: float = 600.0  # 4.5.3.2.6: the reply to a whole message; for a chunk or a blob too, which is ours
    command: float = 300.0  # 4.5.3.2.7: the next whole command
    stalled: float = 3600.0  # ours: a black hole is left at last
    tunnel: float = 3600.0  # ours: an opaque connection in which nothing moves

    @property
    def shortest(self) -> float:
        """The least of all: who looks at the clock this often never misses one."""
        return min(
            self.greeting, self.reply, self.data_init, self.data_block,
            self.message_end, self.command, self.stalled, self.tunnel,
        )  # fmt: skip
