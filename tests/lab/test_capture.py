"""The capture of a run: what it keeps, and the file that other tools read."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from smtpguard.lab.capture import Capture, Piece
from smtpguard.lab.capture_file import write_capture
from smtpguard.lab.capture_frames import MSS
from smtpguard.lab.tap import Leg, Tap
from smtpguard.replay.captures import read_capture
from smtpguard.smtp.sides import CLIENT, SERVER

START = datetime(2007, 10, 25, 9, 0, 0, tzinfo=timezone(timedelta(hours=-7)))


def greeted(capture: Tap, number: int = 1, leg: Leg = "sender", time: float = 0.0) -> None:
    capture.opened(leg, number, time)
    capture.said(leg, number, time, b"220 mx1.example.net ready\r\n", from_client=False)
    capture.said(leg, number, time, b"QUIT\r\n", from_client=True)
    capture.said(leg, number, time, b"221 bye\r\n", from_client=False)
    capture.closed(leg, number, time, from_client=False)


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


def test_legs_and_numbers_are_kept_apart() -> None:
    capture = Capture()
    greeted(capture, 2)
    greeted(capture, 1)
    greeted(capture, 1, "receiver")
    assert [(one.leg, one.number) for one in capture.connections("sender")] == [("sender", 1), ("sender", 2)]
    assert [one.octets(from_client=True) for one in capture.connections("receiver")] == [b"QUIT\r\n"]


def test_a_hosts_own_writes_stay_apart_and_what_it_read_is_joined() -> None:
    capture = Capture()
    for leg in ("sender", "receiver"):
        capture.opened(leg, 1, 0.0)
        for from_client in (True, False):
            capture.said(leg, 1, 1.0, b"one", from_client=from_client)
            capture.said(leg, 1, 1.0, b"two", from_client=from_client)
            capture.said(leg, 1, 2.0, b"three", from_client=from_client)
    sender, receiver = capture.connections("sender")[0], capture.connections("receiver")[0]
    apart, joined = [b"one", b"two", b"three"], [b"onetwo", b"three"]
    assert [piece.data for piece in sender.pieces] == apart + joined
    assert [piece.data for piece in receiver.pieces] == joined + apart


def test_only_the_first_close_counts_and_empty_writes_do_not() -> None:
    capture = Capture()
    greeted(capture)
    capture.closed("sender", 1, 5.0, from_client=True)
    capture.said("sender", 1, 6.0, b"", from_client=True)
    connection = capture.connections("sender")[0]
    assert connection.closing == (0.0, False, 3)
    assert connection.pieces[-1] == Piece(0.0, False, b"221 bye\r\n")


def test_what_is_held_is_bounded_and_what_is_missed_is_counted() -> None:
    capture = Capture(limit=30)
    greeted(capture, 1)
    greeted(capture, 2)
    assert [one.number for one in capture.connections("sender")] == [1]
    assert capture.missed == 1


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
        greeted(capture, number, time=60.0 * number)
    conversations = read_capture(written(tmp_path, capture))
    assert [one.client.port for one in conversations] == [49152, 49153, 49154]
    assert {one.said(CLIENT) for one in conversations} == {b"QUIT\r\n"}


def test_the_same_run_gives_the_same_file(tmp_path: Path) -> None:
    files = []
    for _ in range(2):
        capture = Capture()
        greeted(capture, 1)
        greeted(capture, 2, time=600.0)
        files.append(written(tmp_path, capture).read_bytes())
    assert files[0] == files[1]
    assert len(files[0]) > 24


def test_tcpdump_finds_right_checksums_and_the_calendars_times(tmp_path: Path) -> None:
    capture = Capture()
    greeted(capture, 1)
    capture.opened("sender", 2, 600.0)
    capture.said("sender", 2, 600.0, b"\xff" * 5001, from_client=True)  # an odd length, and words of all ones
    capture.closed("sender", 2, 601.0, from_client=True)
    said = tcpdump(written(tmp_path, capture))
    assert "incorrect" not in said
    assert "bad cksum" not in said
    assert said.count("(correct)") == said.count("Flags [") > 10
    assert said.splitlines()[0].startswith(f"{int(START.timestamp())}.000000 IP")
    assert f"{int(START.timestamp()) + 600}.000000 IP" in said
