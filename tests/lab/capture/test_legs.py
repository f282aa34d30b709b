"""The capture of a run: what it keeps."""

from __future__ import annotations

from smtpguard.lab.capture.legs import Capture, Piece
from tests.lab.legs import short


def test_legs_and_numbers_are_kept_apart() -> None:
    capture = Capture()
    short(capture, 2)
    short(capture, 1)
    short(capture, 1, "receiver")
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
    short(capture)
    capture.closed("sender", 1, 5.0, from_client=True)
    capture.said("sender", 1, 6.0, b"", from_client=True)
    connection = capture.connections("sender")[0]
    assert connection.closing == (0.0, False, 3)
    assert connection.pieces[-1] == Piece(0.0, False, b"221 bye\r\n")


def test_what_is_held_is_bounded_and_what_is_missed_is_counted() -> None:
    capture = Capture(limit=30)
    short(capture, 1)
    short(capture, 2)
    assert [one.number for one in capture.connections("sender")] == [1]
    assert capture.missed == 1
