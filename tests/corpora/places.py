"""Where the public captures are, and what each of them holds. They lie outside the repository and are never copied in.

A test that needs one skips with a reason where the folder is missing. Some captures hold their authors' passwords:
nothing here or in the tests may print octets, so what differs is told by length, place and hash.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import pytest

from smtpguard.replay.captures import Conversation, read_capture

ROOT = Path(__file__).resolve().parents[2].parent / "shared" / "corpora"

SURICATA = "OISF__suricata-verify/tests"
ARKIME = "arkime__arkime/tests/pcap"
ZEEK = "zeek__zeek/testing/btest/Traces"
PCAPPLUSPLUS = "seladb__PcapPlusPlus/Tests/Packet++Test/PacketExamples"
CHASQUID_DIALOGUES = "albertito__chasquid/test/t-12-minor_dialogs"
CHASQUID_SEEDS = "albertito__chasquid/internal/smtpsrv/testdata/fuzz/FuzzConnection"
MAILKIT = "jstedfast__MailKit/UnitTests/Net/Smtp/Resources"
ZEEK_BASELINE = "zeek__zeek/testing/btest/Baseline"


def place(name: str) -> Path:
    """The file or folder ``name`` of the corpora; skips the test where the corpora are not there."""
    if not ROOT.is_dir():
        pytest.skip("the public captures are not in ../shared/corpora")
    return ROOT / name


@cache
def _read(path: Path) -> tuple[Conversation, ...]:
    return tuple(read_capture(path))


def conversations(name: str, ports: frozenset[int]) -> list[Conversation]:
    """The conversations of a capture with a server on one of ``ports``."""
    return [conversation for conversation in _read(place(name)) if conversation.server.port in ports]


def difference(expected: bytes, found: bytes) -> str:
    """Where two strings of octets part, without an octet of them; empty where they are equal."""
    if expected == found:
        return ""
    shorter = min(len(expected), len(found))
    at = next((i for i in range(shorter) if expected[i] != found[i]), shorter)
    hashes = [hashlib.sha256(data).hexdigest()[:12] for data in (expected, found)]
    return f"{len(expected)} octets expected, {len(found)} found, equal up to {at}; sha256 {hashes[0]} and {hashes[1]}"
