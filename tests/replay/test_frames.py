"""The containers: pcap and pcapng of both byte orders, gzip, and every way to be broken."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from smtpguard.replay.frames import MAX_FRAME, CaptureError, Frame, read_frames
from tests.replay.wire import pcap, pcapng

FRAMES = [b"one", b"two two", b""]


def read(path: Path) -> list[Frame]:
    return list(read_frames(path))


def failure(path: Path) -> str:
    with pytest.raises(CaptureError) as raised:
        read(path)
    line = str(raised.value)
    assert line.startswith(f"{path}: ")
    assert "\n" not in line
    return line.removeprefix(f"{path}: ")


def block(order: str, kind: int, body: bytes) -> bytes:
    body += b"\0" * (-len(body) % 4)
    length = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + length + body + length


def section(order: str) -> bytes:
    return block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def interface(order: str, link: int, options: bytes = b"", snap: int = 0) -> bytes:
    return block(order, 1, struct.pack(order + "HHI", link, 0, snap) + options)


def packet(order: str, which: int, ticks: int, data: bytes) -> bytes:
    head = struct.pack(order + "IIIII", which, ticks >> 32, ticks & 0xFFFFFFFF, len(data), len(data))
    return block(order, 6, head + data)


def test_pcap_gives_link_time_and_octets(tmp_path: Path) -> None:
    assert read(pcap(tmp_path / "a.pcap", FRAMES)) == [
        Frame(1, 1_000_000.0, b"one"),
        Frame(1, 1_000_001.0, b"two two"),
        Frame(1, 1_000_002.0, b""),
    ]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("magic", "ticks", "more"), [(0xA1B2C3D4, 10**6, 0), (0xA1B23C4D, 10**9, 0), (0xA1B2CD34, 10**6, 8)]
)
def test_pcap_of_either_byte_order_and_any_kind(tmp_path: Path, order: str, magic: int, ticks: int, more: int) -> None:
    path = tmp_path / "a.pcap"
    header = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 0x2400_0000 | 101)
    record = struct.pack(order + "IIII", 7, ticks // 2, 3, 3) + b"\0" * more + b"abc"
    path.write_bytes(header + record * 2)
    assert read(path) == [Frame(101, 7.5, b"abc")] * 2


def test_pcapng_is_read_like_pcap(tmp_path: Path) -> None:
    assert read(pcapng(tmp_path / "a.pcapng", FRAMES)) == read(pcap(tmp_path / "a.pcap", FRAMES))


@pytest.mark.parametrize("write", [pcap, pcapng])
def test_gzip_is_seen_by_its_octets_not_by_its_name(tmp_path: Path, write: Callable[..., Path]) -> None:
    plain = write(tmp_path / "plain", FRAMES)
    packed = tmp_path / "packed.pcap"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert read(packed) == read(plain)


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_with_two_interfaces_two_sections_and_other_blocks(tmp_path: Path, order: str) -> None:
    other = "<" if order == ">" else ">"
    milliseconds = struct.pack(order + "HHB3xHHq", 9, 1, 3, 14, 8, 100)
    path = tmp_path / "a.pcapng"
    path.write_bytes(
        section(order)
        + interface(order, 1)
        + interface(order, 101, milliseconds)
        + block(order, 5, b"statistics!!")
        + packet(order, 1, 2500, b"raw")
        + packet(order, 0, 2_500_000, b"ether")
        + section(other)
        + interface(other, 113)
        + packet(other, 0, 0, b"cooked")
    )
    assert read(path) == [Frame(101, 102.5, b"raw"), Frame(1, 2.5, b"ether"), Frame(113, 0.0, b"cooked")]


def test_pcapng_binary_time_resolution(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(section("<") + interface("<", 1, struct.pack("<HHB3x", 9, 1, 0x81)) + packet("<", 0, 5, b"x"))
    assert read(path) == [Frame(1, 2.5, b"x")]


def test_pcapng_simple_and_obsolete_packets(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    obsolete = struct.pack("<HHIIII", 0, 0, 0, 1_000_000, 3, 3) + b"old"
    path.write_bytes(
        section("<")
        + interface("<", 1, snap=4)
        + block("<", 3, struct.pack("<I", 6) + b"simp")
        + block("<", 2, obsolete)
    )
    assert read(path) == [Frame(1, 0.0, b"simp"), Frame(1, 1.0, b"old")]


def test_an_empty_capture_has_no_frames(tmp_path: Path) -> None:
    assert read(pcap(tmp_path / "a.pcap", [])) == []


def test_missing_file_and_folder(tmp_path: Path) -> None:
    assert failure(tmp_path / "none.pcap") == "No such file or directory"
    assert failure(tmp_path) == "Is a directory"


@pytest.mark.parametrize(
    ("octets", "what"),
    [
        (b"", "cut short at octet 0, inside the file's magic number"),
        (b"From: someone\r\n", "neither a pcap nor a pcapng file"),
        (b"\xd4\xc3\xb2\xa1short", "cut short at octet 9, inside the file's header"),
        (section("<")[:10], "cut short at octet 10, inside a section's header"),
        (section("<")[:8] + b"????" + section("<")[12:], "a pcapng section without a byte order"),
        (section("<")[:4] + struct.pack("<I", 9) + section("<")[8:], "a pcapng block that claims 9 octets"),
        (section("<") + b"\x06\0", f"cut short at octet {28 + 2}, inside a block's type"),
        (section("<") + struct.pack("<II", 6, 0xFFFFFFF0), "a pcapng block that claims 4294967280 octets"),
        (section("<") + packet("<", 0, 0, b"x"), "a pcapng block of type 6 that contradicts itself"),
        (
            section("<") + interface("<", 1) + block("<", 6, struct.pack("<IIIII", 0, 0, 0, 999, 999)),
            "a pcapng block of type 6 that contradicts itself",
        ),
        (section("<") + block("<", 1, b""), "a pcapng block of type 1 that contradicts itself"),
        (
            section("<") + interface("<", 1, struct.pack("<HH", 9, 0)),
            "a pcapng block of type 1 that contradicts itself",
        ),
    ],
)  # fmt: skip
def test_what_is_no_capture_says_so(tmp_path: Path, octets: bytes, what: str) -> None:
    path = tmp_path / "broken"
    path.write_bytes(octets)
    assert failure(path) == what


def test_a_capture_cut_short_anywhere_says_where(tmp_path: Path) -> None:
    whole = pcap(tmp_path / "whole", [b"abcdef"]).read_bytes()
    path = tmp_path / "cut"
    for end in range(1, len(whole)):
        if end == 24:
            continue  # behind the file's header: an empty capture
        path.write_bytes(whole[:end])
        assert failure(path).startswith(f"cut short at octet {end}, inside ")


def test_a_frame_longer_than_any_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.pcap"
    path.write_bytes(pcap(tmp_path / "a", []).read_bytes() + struct.pack("<IIII", 0, 0, MAX_FRAME + 1, 1))
    assert failure(path) == f"frame 1 claims {MAX_FRAME + 1} octets, more than any capture holds"


def test_damaged_gzip(tmp_path: Path) -> None:
    packed = gzip.compress(pcap(tmp_path / "a", [b"x" * 1000]).read_bytes(), mtime=0)
    path = tmp_path / "b.gz"
    path.write_bytes(packed[:-9])
    assert failure(path).startswith("damaged gzip: ")
    path.write_bytes(packed[:10] + b"\xff" + packed[11:])
    assert failure(path).startswith("damaged gzip: ")
    path.write_bytes(packed[:-8] + b"\0" * 4 + packed[-4:])
    assert failure(path).startswith("damaged gzip: ")
    path.write_bytes(b"\x1f\x8bnot gzip at all")
    assert failure(path).startswith("damaged gzip: ")
