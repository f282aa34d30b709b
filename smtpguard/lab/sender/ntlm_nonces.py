"""What pyspnego takes from the system for NTLM, taken from the run instead: nonces, time and the computer's name.

pyspnego has no argument for them, so its NTLM module is shown ours for as long as one call lasts. Nothing awaits in
such a call. With them the octets of an exchange are the same in two runs, and name no machine outside the lab.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from types import SimpleNamespace


class Nonces:
    """``host`` is the computer's name, its domain is left out; ``now`` is the lab's calendar."""

    def __init__(self, rng: random.Random, host: str, now: Callable[[], datetime]) -> None:
        self._rng = rng
        self._name = host.partition(".")[0]
        self._now = now

    @contextmanager
    def shown(self) -> Iterator[None]:
        """``with nonces.shown():`` around each call that makes or reads an NTLM message."""
        # Costs a tenth of a second, which only a run that authenticates should pay.
        from spnego import _ntlm
        from spnego._ntlm_raw.messages import FileTime

        ours = {
            "os": _System(self._rng),
            "socket": SimpleNamespace(gethostname=lambda: self._name),
            "FileTime": SimpleNamespace(now=lambda: FileTime.from_datetime(self._now())),
        }
        names = vars(_ntlm)
        before = {name: names[name] for name in ours}
        names.update(ours)
        try:
            yield
        finally:
            names.update(before)


class _System:
    """The module ``os`` with a generator of ours."""

    def __init__(self, rng: random.Random) -> None:
        self.urandom = rng.randbytes

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)
