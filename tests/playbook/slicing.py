"""How TCP may cut a stream: each slicing cuts octets into the pieces in which the Inspector reads them.

The same playbook runs under every slicing and must come out the same (law 2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random

LARGEST_READ = 65536  # the relay never feeds more at once

Slicing = Callable[[bytes], Iterator[bytes]]


def whole(data: bytes) -> Iterator[bytes]:
    """As few pieces as the relay's reads allow."""
    for start in range(0, len(data), LARGEST_READ):
        yield data[start : start + LARGEST_READ]


def octets(data: bytes) -> Iterator[bytes]:
    """One octet at a time."""
    for octet in data:
        yield bytes((octet,))


def lines(data: bytes) -> Iterator[bytes]:
    """Cut behind every CRLF."""
    start = 0
    while start < len(data):
        end = data.find(b"\r\n", start)
        end = len(data) if end < 0 else end + 2
        yield from whole(data[start:end])
        start = end


def between_cr_and_lf(data: bytes) -> Iterator[bytes]:
    """Cut behind every CR: each LF comes with the line after it."""
    start = 0
    while start < len(data):
        end = data.find(b"\r", start)
        end = len(data) if end < 0 else end + 1
        yield from whole(data[start:end])
        start = end


class AtRandom:
    """Pieces of random length, short ones more often; the same seed always cuts the same way."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, data: bytes) -> Iterator[bytes]:
        rng = Random(self._seed)
        start = 0
        while start < len(data):
            length = min(LARGEST_READ, max(1, int(rng.expovariate(1 / rng.choice((2, 9, 70, 4000))))))
            yield data[start : start + length]
            start += length


SLICINGS: Mapping[str, Slicing] = {
    "whole": whole,
    "octets": octets,
    "lines": lines,
    "between CR and LF": between_cr_and_lf,
    "random 1": AtRandom(1),
    "random 2": AtRandom(2),
}
