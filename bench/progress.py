"""One line on standard error that says what is being measured; on a terminal it overwrites itself."""

from __future__ import annotations

import sys


class Progress:
    """Silent where ``quiet``; off a terminal it says each phase once, not each round."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.terminal = sys.stderr.isatty()
        self.phase = ""

    def say(self, text: str) -> None:
        """``text`` is ``phase: detail``."""
        phase = text.partition(":")[0]
        if self.quiet or (phase == self.phase and not self.terminal):
            return
        self.phase = phase
        if self.terminal:
            print(f"\r\033[Kbench: {text}", end="", file=sys.stderr, flush=True)
        else:
            print(f"bench: {phase}", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away before the tables."""
        if self.terminal and not self.quiet:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
