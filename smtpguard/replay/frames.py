"""The frames of a capture file: pcap and pcapng, either byte order, plain or gzipped.

Yields frames one at a time and holds one. Fails with ``CaptureError``, one line that names the file and the place: no
capture at all, an impossible length, a file cut short. Looks into no frame (see ``segments``), and follows no
interface statistics, names or secrets of a pcapng file.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAX_FRAME = 262_144  # octets; MAXIMUM_SNAPLEN of libpcap
MAX_BLOCK = 16 * 1024 * 1024  # octets; blocks other than packets carry names, keys and comments

_GZIP = b"\x1f\x8b"
_SECTION = 0x0A0D0D0A
_INTERFACE, _OLD_PACKET, _SIMPLE_PACKET, _PACKET = 1, 2, 3, 6
_OPT_TSRESOL, _OPT_TSOFFSET = 9, 14

# The magic number as stored -> byte order, fractions of a second, octets of a record's header.
_PCAP = {
    b"\xa1\xb2\xc3\xd4": (">", 10**6, 16),
    b"\xd4\xc3\xb2\xa1": ("<", 10**6, 16),
    b"\xa1\xb2\x3c\x4d": (">", 10**9, 16),
    b"\x4d\x3c\xb2\xa1": ("<", 10**9, 16),
    b"\xa1\xb2\xcd\x34": (">", 10**6, 24),
    b"\x34\xcd\xb2\xa1": ("<", 10**6, 24),
}


class CaptureError(Exception):
    """A capture that cannot be read; ``str()`` is one line: the file, then what is wrong with it."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")


class Frame(NamedTuple):
    """One captured frame: its link type (LINKTYPE_ numbers of tcpdump.org), its time in seconds, its octets."""

    link: int
    time: float
    data: bytes


class _Interface(NamedTuple):
    link: int
    snap: int
    ticks: float  # of a second
    offset: int  # seconds


def read_frames(path: Path) -> Iterator[Frame]:
    """The frames of the file at ``path``, in its order. Raises ``CaptureError``."""
    try:
        with path.open("rb") as raw:
            start = raw.read(2)
            raw.seek(0)
            if start != _GZIP:
                yield from _frames(_Source(path, raw))
                return
            with gzip.open(raw) as inflated:
                yield from _frames(_Source(path, inflated))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CaptureError(path, f"damaged gzip: {error}") from error
    except OSError as error:
        raise CaptureError(path, error.strerror or str(error)) from error


def _frames(source: _Source) -> Iterator[Frame]:
    magic = source.read(4, "the file's magic number")
    if magic in _PCAP:
        return _pcap(source, *_PCAP[magic])
    if magic == _SECTION.to_bytes(4, "big"):
        return _pcapng(source)
    raise source.error("neither a pcap nor a pcapng file")


class _Source:
    """Reads exactly what is asked for, and knows where it is."""

    def __init__(self, path: Path, file: BinaryIO | gzip.GzipFile) -> None:
        self._path = path
        self._file = file
        self._at = 0

    def error(self, what: str) -> CaptureError:
        return CaptureError(self._path, what)

    def read(self, octets: int, what: str, *, or_end: bool = False) -> bytes:
        """``octets`` octets; nothing at the end of the file where ``or_end`` allows that."""
        data = self._file.read(octets)
        if len(data) < octets and (data or not or_end):
            raise self.error(f"cut short at octet {self._at + len(data)}, inside {what}")
        self._at += len(data)
        return data


def _pcap(source: _Source, order: str, ticks: int, header: int) -> Iterator[Frame]:
    fields = struct.unpack(order + "HHiIII", source.read(20, "the file's header"))
    link = fields[5] & 0xFFFF  # the upper bits tell the length of a frame check sequence
    number = 0
    while record := source.read(header, f"the header of frame {number + 1}", or_end=True):
        number += 1
        seconds, fraction, length = struct.unpack_from(order + "III", record)
        if length > MAX_FRAME:
            raise source.error(f"frame {number} claims {length} octets, more than any capture holds")
        yield Frame(link, seconds + fraction / ticks, source.read(length, f"frame {number}"))


def _pcapng(source: _Source) -> Iterator[Frame]:
    order, interfaces = _section(source)
    while True:
        start = source.read(4, "a block's type", or_end=True)
        if not start:
            return
        if start == _SECTION.to_bytes(4, "big"):
            order, interfaces = _section(source)
            continue
        (kind,) = struct.unpack(order + "I", start)
        body = _body(source, order, 12)
        try:
            if kind == _INTERFACE:
                interfaces.append(_interface(body, order))
            elif kind in (_PACKET, _OLD_PACKET, _SIMPLE_PACKET):
                yield _packet(kind, body, order, interfaces)
        except (struct.error, IndexError) as error:
            raise source.error(f"a pcapng block of type {kind} that contradicts itself") from error


def _section(source: _Source) -> tuple[str, list[_Interface]]:
    """The rest of a section header block: its byte order, and an empty table of interfaces."""
    head = source.read(8, "a section's header")
    order = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}.get(head[4:])
    if order is None:
        raise source.error("a pcapng section without a byte order")
    _body(source, order, 16, head[:4])
    return order, []


def _body(source: _Source, order: str, least: int, stored: bytes | None = None) -> bytes:
    """A block's body; ``least`` octets of its length are type, lengths and what was read already."""
    (length,) = struct.unpack(order + "I", stored or source.read(4, "a block's length"))
    if not least <= length <= MAX_BLOCK or length % 4:
        raise source.error(f"a pcapng block that claims {length} octets")
    return source.read(length - least + 4, "a block")[:-4]


def _interface(body: bytes, order: str) -> _Interface:
    link, _, snap = struct.unpack_from(order + "HHI", body)
    ticks, offset, at = 1e6, 0, 8
    while at + 4 <= len(body):
        option, length = struct.unpack_from(order + "HH", body, at)
        value = body[at + 4 : at + 4 + length]
        if option == _OPT_TSRESOL:
            ticks = float((2 if value[0] & 0x80 else 10) ** (value[0] & 0x7F))
        elif option == _OPT_TSOFFSET:
            (offset,) = struct.unpack(order + "q", value)
        at += 4 + length + -length % 4
    return _Interface(link, snap, ticks, offset)


def _packet(kind: int, body: bytes, order: str, interfaces: list[_Interface]) -> Frame:
    if kind == _SIMPLE_PACKET:
        (length,) = struct.unpack_from(order + "I", body)
        interface = interfaces[0]
        kept = min(length, interface.snap or length, len(body) - 4)
        return Frame(interface.link, 0.0, body[4 : 4 + kept])
    which, high, low, kept, _ = struct.unpack_from(order + ("I" if kind == _PACKET else "Hxx") + "IIII", body)
    if kept > len(body) - 20:
        raise IndexError(kept)
    interface = interfaces[which]
    return Frame(interface.link, interface.offset + (high << 32 | low) / interface.ticks, body[20 : 20 + kept])
