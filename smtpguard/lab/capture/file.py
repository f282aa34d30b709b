"""A leg's connections as a capture file (pcap, microseconds, Ethernet) for Wireshark, tcpdump and ``smtpguard``.

Raises ``OSError`` for a file that can't be written.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from smtpguard.lab.capture.frames import Frame, frames
from smtpguard.lab.capture.legs import Connection
from smtpguard.lab.events import Host

_MAGIC, _MAJOR, _MINOR, _SNAPLEN, _ETHERNET = 0xA1B2C3D4, 2, 4, 262_144, 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000


def write_capture(path: Path, connections: Iterable[Connection], client: Host, server: Host, start: datetime) -> None:
    """Write the frames of ``connections`` to ``path``, by time; ``start`` is the date of simulated second 0."""
    begun = (start - _EPOCH) // timedelta(microseconds=1)
    # Each connection's frames are in order of time, so that none but the next of each has to be in memory.
    found = heapq.merge(*(frames(connection, client, server) for connection in connections), key=_moment)
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", _MAGIC, _MAJOR, _MINOR, 0, 0, _SNAPLEN, _ETHERNET))
        for frame in found:
            seconds, micros = divmod(begun + frame.time, _SECOND)
            file.write(struct.pack("<IIII", seconds, micros, len(frame.data), len(frame.data)))
            file.write(frame.data)


def _moment(frame: Frame) -> int:
    return frame.time
