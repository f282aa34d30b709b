"""Frames for captures that the tests build: dpkt writes what our own reader reads."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterable
from pathlib import Path

import dpkt
from dpkt.tcp import TH_ACK, TH_FIN, TH_RST, TH_SYN

HERE, THERE = "192.0.2.1", "192.0.2.25"
HERE6, THERE6 = "2001:db8::1", "2001:db8::25"


class Wire:
    """One connection; each method gives the next frame as octets. Sequence numbers are relative to the first octet."""

    def __init__(self, port: int = 40000, mail: int = 25, *, v6: bool = False, base: int = 1000) -> None:
        self.client = (HERE6 if v6 else HERE, port)
        self.server = (THERE6 if v6 else THERE, mail)
        self.base = base

    def frame(self, source: str, flags: int, at: int, data: bytes = b"", acked: int | None = None) -> bytes:
        return bytes(dpkt.ethernet.Ethernet(type=self.ethertype, data=self.packet(source, flags, at, data, acked)))

    @property
    def ethertype(self) -> int:
        return dpkt.ethernet.ETH_TYPE_IP6 if ":" in self.client[0] else dpkt.ethernet.ETH_TYPE_IP

    def packet(self, source: str, flags: int, at: int, data: bytes = b"", acked: int | None = None) -> bytes:
        """``source`` is "c" or "s"; ``at`` and ``acked`` are positions in the two streams, 0 the first octet."""
        (src, sport), (dst, dport) = (self.client, self.server) if source == "c" else (self.server, self.client)
        ack = 0 if acked is None else (self.base + 1 + acked) % 2**32
        segment = dpkt.tcp.TCP(
            sport=sport,
            dport=dport,
            seq=(self.base + 1 + at) % 2**32,
            ack=ack,
            flags=flags | (TH_ACK if acked is not None else 0),
            data=data,
        )
        if ":" in src:
            source6, target6 = (socket.inet_pton(socket.AF_INET6, address) for address in (src, dst))
            return bytes(dpkt.ip6.IP6(src=source6, dst=target6, nxt=6, plen=len(bytes(segment)), data=segment))
        return bytes(dpkt.ip.IP(src=socket.inet_aton(src), dst=socket.inet_aton(dst), p=6, data=segment))

    def opened(self) -> list[bytes]:
        return [self.frame("c", TH_SYN, -1), self.frame("s", TH_SYN, -1, acked=0), self.c(0, b"", 0)]

    def c(self, at: int, data: bytes, acked: int | None = None) -> bytes:
        return self.frame("c", 0, at, data, acked)

    def s(self, at: int, data: bytes, acked: int | None = None) -> bytes:
        return self.frame("s", 0, at, data, acked)

    def fin(self, source: str, at: int, data: bytes = b"", acked: int | None = 0) -> bytes:
        return self.frame(source, TH_FIN, at, data, acked)

    def reset(self, source: str, at: int, data: bytes = b"") -> bytes:
        return self.frame(source, TH_RST, at, data)


def pcap(path: Path, frames: Iterable[bytes], link: int = dpkt.pcap.DLT_EN10MB) -> Path:
    """A pcap file of ``frames``, a second apart."""
    buffer = io.BytesIO()
    writer = dpkt.pcap.Writer(buffer, linktype=link)
    for number, frame in enumerate(frames):
        writer.writepkt(frame, ts=1_000_000 + number)
    path.write_bytes(buffer.getvalue())
    return path


def pcapng(path: Path, frames: Iterable[bytes], link: int = dpkt.pcap.DLT_EN10MB) -> Path:
    """A pcapng file of ``frames``, a second apart."""
    buffer = io.BytesIO()
    writer = dpkt.pcapng.Writer(buffer, linktype=link)
    for number, frame in enumerate(frames):
        writer.writepkt(frame, ts=1_000_000 + number)
    path.write_bytes(buffer.getvalue())
    return path
