"""A captured connection read as SMTP."""

from __future__ import annotations

import pytest

from smtpguard.lab.capture.legs import Capture
from smtpguard.lab.telling.ladder_reading import read_items
from smtpguard.pages.ladder import Item
from tests.lab import legs
from tests.lab.legs import Said, leg


def read(*said: Said, name: str = "sender") -> list[Item]:
    capture = Capture()
    leg(capture, "receiver" if name == "receiver" else "sender", list(said))
    (connection,) = capture.connections("receiver" if name == "receiver" else "sender")
    return read_items(connection)


def gist(items: list[Item]) -> list[tuple[str, str, str]]:
    return [(item.kind, item.verb, item.lines[0]) for item in items]


def c(octets: bytes, time: float = 0.0) -> Said:
    return (time, "C", octets)


def s(octets: bytes, time: float = 0.0) -> Said:
    return (time, "S", octets)


def test_commands_and_the_replies_that_answer_them() -> None:
    items = read(*legs.opening(), c(legs.QUIT), s(legs.BYE), (0.0, "S.", b""))
    assert gist(items) == [
        ("open", "", "TCP connection to port 25"),
        ("reply", "", "220 mx1.example.net ready"),
        ("command", "EHLO", "EHLO mail1.example.com"),
        ("reply", "EHLO", "250-mx1.example.net Hello"),
        ("command", "MAIL", "MAIL FROM:<a@example.com>"),
        ("reply", "MAIL", "250 2.1.0 a@example.com....Sender OK"),
        ("command", "RCPT", "RCPT TO:<b@example.net>"),
        ("reply", "RCPT", "250 2.1.5 b@example.net "),
        ("command", "QUIT", "QUIT"),
        ("reply", "QUIT", "221 2.0.0 bye"),
        ("close", "", "closes the connection"),
    ]
    assert items[3].lines[-1] == "250 XEXCH50"


@pytest.mark.parametrize("cut", [1, 7, 1_000_000])
def test_a_blob_is_counted_behind_its_354_however_it_comes(cut: int) -> None:
    pieces = [c(legs.BLOB[start : start + cut], 5.0) for start in range(0, len(legs.BLOB), cut)]
    told = read(s(legs.BANNER), c(legs.XEXCH50), s(legs.GO_AHEAD), *pieces, s(b"250 XEXCH50 OK\r\n"), name="receiver")
    assert gist(told)[-2:] == [("blob", "XEXCH50", "[1020 octets of binary]"), ("reply", "XEXCH50", "250 XEXCH50 OK")]
    assert told[-2].data == legs.BLOB
    assert told[-2].time == 5.0


def test_a_refused_blob_leaves_the_next_octets_commands() -> None:
    told = read(s(legs.BANNER), c(legs.XEXCH50), s(b"504 Need to authenticate first\r\n"), c(b"BDAT 3 LAST\r\nabc"))
    assert gist(told)[-2:] == [("command", "BDAT", "BDAT 3 LAST"), ("message", "BDAT", "[3 octets of message]")]


def test_bdat_octets_are_a_message_and_the_reply_is_bdats() -> None:
    told = read(s(legs.BANNER), c(b"BDAT 5\r\nhello"), s(b"250 ok\r\n"), c(b"BDAT 0 LAST\r\n"), s(b"250 done\r\n"))
    assert [(item.kind, item.verb) for item in told[2:]] == [
        ("command", "BDAT"),
        ("message", "BDAT"),
        ("reply", "BDAT"),
        ("command", "BDAT"),
        ("reply", "BDAT"),
    ]


@pytest.mark.parametrize(("text", "octets"), [(b"one\r\n.\r\n", 8), (b".\r\n", 3), (b"a\r\n..\r\nMAIL\r\n.\r\n", 16)])
def test_text_ends_at_the_dot_line_and_nowhere_else(text: bytes, octets: int) -> None:
    told = read(s(legs.BANNER), c(b"DATA\r\n"), s(b"354 go\r\n"), c(text), s(b"250 taken\r\n"), c(legs.QUIT))
    assert (
        gist(told)[3:]
        == [
            ("reply", "DATA", "354 go"),
            ("message", "DATA", f"[{octets} octets of message, dot line included]"),
            ("reply", "DATA", "250 taken"),
            ("command", "QUIT", "QUIT"),
        ][: len(told) - 3]
    )
    assert len(told) == 7


def test_pipelined_commands_get_their_own_replies() -> None:
    told = read(s(legs.BANNER), c(legs.MAIL + legs.RCPT), s(legs.SENDER_OK + legs.RECIPIENT_OK))
    assert [(item.kind, item.verb) for item in told[2:]] == [
        ("command", "MAIL"),
        ("command", "RCPT"),
        ("reply", "MAIL"),
        ("reply", "RCPT"),
    ]


def test_secrets_are_not_shown() -> None:
    told = read(
        s(legs.BANNER),
        c(b"AUTH LOGIN\r\n"),
        s(b"334 VXNlcm5hbWU6\r\n"),
        c(b"YWxpY2U=\r\n"),
        s(b"334 UGFzc3dvcmQ6\r\n"),
        c(b"c2VjcmV0\r\n"),
        s(b"235 2.7.0 Authentication successful.\r\n"),
        c(b"X-EXPS NTLM TlRMTVNTUAAB\r\n"),
    )
    shown = " ".join(line for item in told for line in item.lines)
    assert "[10 octets of AUTH, not shown]" in shown
    assert "X-EXPS NTLM [initial response, not shown]" in shown
    assert not any(secret in shown for secret in ("YWxpY2U", "c2VjcmV0", "TlRM"))


def test_what_is_never_finished_is_shown_as_octets() -> None:
    told = read(s(legs.BANNER), c(legs.XEXCH50), s(legs.GO_AHEAD), c(b"half"), (9.0, "C.", b""))
    assert gist(told)[-2:] == [("octets", "XEXCH50", "[4 octets, unfinished]"), ("close", "", "closes the connection")]
    cut = read(s(b"250-half"))
    assert gist(cut)[-1] == ("reply", "", "250-half")


def test_octets_that_are_no_smtp_are_read_without_an_error() -> None:
    told = read(s(b"\xff\r\n"), c(b"\r\n"), c(b"\x00\x01 \r\n"), s(b"999\r\n"), s(b"1\n"))
    assert [item.lines[0] for item in told[1:]] == ["\\xff", "", "\\x00\\x01 ", "999", "1"]
