"""Captured legs written by hand: what each side said, in order, for tests of ladders, pages and captures."""

from __future__ import annotations

from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.capture.tap import Leg, Tap

Said = tuple[float, str, bytes]  # simulated seconds, who ("C" or "S"; "C." and "S." close), octets


def leg(capture: Capture, name: Leg, said: list[Said], number: int = 1, opened: float = 0.0) -> None:
    """Let ``capture`` hear one connection."""
    capture.opened(name, number, opened)
    for time, who, octets in said:
        if who.endswith("."):
            capture.closed(name, number, time, from_client=who == "C.")
        else:
            capture.said(name, number, time, octets, from_client=who == "C")


BANNER = b"220 mx1.example.net ready\r\n"
EHLO = b"EHLO mail1.example.com\r\n"
KEYWORDS = b"250-mx1.example.net Hello\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-AUTH GSSAPI NTLM\r\n250 XEXCH50\r\n"
MAIL = b"MAIL FROM:<a@example.com>\r\n"
RCPT = b"RCPT TO:<b@example.net>\r\n"
SENDER_OK = b"250 2.1.0 a@example.com....Sender OK\r\n"
RECIPIENT_OK = b"250 2.1.5 b@example.net \r\n"
XEXCH50 = b"XEXCH50 1020 2\r\n"
GO_AHEAD = b"354 Send binary data\r\n"
BLOB = bytes(range(256)) * 3 + bytes(252)
QUIT = b"QUIT\r\n"
BYE = b"221 2.0.0 bye\r\n"


def opening(time: float = 0.0, keywords: bytes = KEYWORDS) -> list[Said]:
    """Banner to the last RCPT's reply."""
    return [
        (time, "S", BANNER),
        (time, "C", EHLO),
        (time, "S", keywords),
        (time, "C", MAIL),
        (time, "S", SENDER_OK),
        (time, "C", RCPT),
        (time, "S", RECIPIENT_OK),
    ]


def eaten_blob() -> Capture:
    """KB818222: the blob stops at the firewall, and ten minutes later the sender closes."""
    capture = Capture()
    near: list[Said] = [(0.0, "C", XEXCH50), (0.0, "S", GO_AHEAD), (0.0, "C", BLOB), (600.0, "C.", b"")]
    far: list[Said] = [(0.0, "C", XEXCH50), (0.0, "S", GO_AHEAD), (600.0, "C.", b"")]
    leg(capture, "sender", opening() + near)
    leg(capture, "receiver", opening() + far)
    return capture


def short(capture: Tap, number: int = 1, leg: Leg = "sender", time: float = 0.0) -> None:
    """Let ``capture`` hear a banner, QUIT and its reply."""
    capture.opened(leg, number, time)
    capture.said(leg, number, time, b"220 mx1.example.net ready\r\n", from_client=False)
    capture.said(leg, number, time, b"QUIT\r\n", from_client=True)
    capture.said(leg, number, time, b"221 bye\r\n", from_client=False)
    capture.closed(leg, number, time, from_client=False)
