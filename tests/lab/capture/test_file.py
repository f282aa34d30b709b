"""The capture file: what our own reader and tcpdump read in it."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from smtpguard.lab.capture.file import write_capture
from smtpguard.lab.capture.frames import MSS
from smtpguard.lab.capture.legs import Capture
from smtpguard.replay.captures import read_capture
from smtpguard.smtp.sides import CLIENT, SERVER
from tests.lab.legs import short

START = datetime(2007, 10, 25, 9, 0, 0, tzinfo=timezone(timedelta(hours=-7)))


def written(tmp_path: Path, capture: Capture) -> Path:
    path = tmp_path / "leg.pcap"
    write_capture(path, capture.connections("sender"), "sender", "firewall", START)
    return path


def tcpdump(path: Path) -> str:
    program = shutil.which("tcpdump") or shutil.which("tcpdump", path="/usr/sbin:/usr/bin")
    if program is None:
        pytest.skip("tcpdump is not installed")
    ran = subprocess.run([program, "-nn", "-vv", "-tt", "-r", str(path)], capture_output=True, text=True, check=True)
    return ran.stdout


@pytest.mark.parametrize("octets", [0, 1, MSS - 1, MSS, MSS + 1, 200_001])
def test_our_own_reader_gives_the_same_octets_back(tmp_path: Path, octets: int) -> None:
    blob = bytes(range(256)) * (octets // 256 + 1)
    capture = Capture()
    capture.opened("sender", 1, 0.0)
    capture.said("sender", 1, 0.0, b"220 hello\r\n", from_client=False)
    capture.said("sender", 1, 0.5, blob[:octets], from_client=True)
    capture.said("sender", 1, 600.0, b"421 late\r\n", from_client=False)
    capture.closed("sender", 1, 600.0, from_client=True)
    (conversation,) = read_capture(written(tmp_path, capture))
    assert conversation.said(CLIENT) == blob[:octets]
    assert conversation.said(SERVER) == b"220 hello\r\n421 late\r\n"
    assert conversation.whole
    assert not conversation.gap
    assert [(turn.side, turn.end) for turn in conversation.turns if turn.end] == [(CLIENT, "fin"), (SERVER, "fin")]
    assert (conversation.client, conversation.server) == (("192.0.2.1", 49152), ("198.51.100.1", 25))


def test_octets_behind_the_other_sides_fin_are_kept(tmp_path: Path) -> None:
    capture = Capture()
    capture.opened("sender", 1, 0.0)
    capture.said("sender", 1, 0.0, b"QUIT\r\n", from_client=True)
    capture.closed("sender", 1, 1.0, from_client=True)
    capture.said("sender", 1, 2.0, b"221 bye\r\n", from_client=False)
    (conversation,) = read_capture(written(tmp_path, capture))
    assert [(turn.side, turn.data, turn.end) for turn in conversation.turns] == [
        (CLIENT, b"QUIT\r\n", ""),
        (CLIENT, b"", "fin"),
        (SERVER, b"221 bye\r\n", ""),
        (SERVER, b"", "fin"),
    ]


def test_a_connection_left_open_has_no_fin(tmp_path: Path) -> None:
    capture = Capture()
    capture.opened("sender", 1, 0.0)
    capture.said("sender", 1, 0.0, b"220 hello\r\n", from_client=False)
    (conversation,) = read_capture(written(tmp_path, capture))
    assert [turn.end for turn in conversation.turns] == [""]


def test_every_connection_is_a_conversation_of_its_own(tmp_path: Path) -> None:
    capture = Capture()
    for number in range(1, 4):
        short(capture, number, time=60.0 * number)
    conversations = read_capture(written(tmp_path, capture))
    assert [one.client.port for one in conversations] == [49152, 49153, 49154]
    assert {one.said(CLIENT) for one in conversations} == {b"QUIT\r\n"}


def test_the_same_run_gives_the_same_file(tmp_path: Path) -> None:
    files = []
    for _ in range(2):
        capture = Capture()
        short(capture, 1)
        short(capture, 2, time=600.0)
        files.append(written(tmp_path, capture).read_bytes())
    assert files[0] == files[1]
    assert len(files[0]) > 24


def test_tcpdump_finds_right_checksums_and_the_calendars_times(tmp_path: Path) -> None:
    capture = Capture()
    short(capture, 1)
    capture.opened("sender", 2, 600.0)
    capture.said("sender", 2, 600.0, b"\xff" * 5001, from_client=True)  # an odd length, and words of all ones
    capture.closed("sender", 2, 601.0, from_client=True)
    said = tcpdump(written(tmp_path, capture))
    assert "incorrect" not in said
    assert "bad cksum" not in said
    assert said.count("(correct)") == said.count("Flags [") > 10
    assert said.splitlines()[0].startswith(f"{int(START.timestamp())}.000000 IP")
    assert f"{int(START.timestamp()) + 600}.000000 IP" in said
