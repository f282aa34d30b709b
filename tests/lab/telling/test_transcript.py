"""The conversation as people read it."""

from __future__ import annotations

from smtpguard.lab.telling.transcript import Said, Transcript, printable


def test_lines_keep_their_trailing_blank_and_show_what_cannot_be_printed() -> None:
    assert printable(b"250 2.1.5 a@b.example \r\n") == "250 2.1.5 a@b.example "
    assert printable(b"\x1b[31mred\xff\r\n") == "\\x1b[31mred\\xff"


def test_the_form_of_a_conversation() -> None:
    transcript = Transcript()
    transcript.received(0.0, [b"250-mx\r\n", b"250 OK\r\n"])
    transcript.sent(0.0, b"XEXCH50 1020 2")
    transcript.binary(1.0, 1020)
    transcript.message(2.0, b"A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\nbody\r\n")
    transcript.note(3.0, "gone")
    assert transcript.lines == [
        Said(0.0, "<--", "250-mx"),
        Said(0.0, "<--", "250 OK"),
        Said(0.0, "-->", "XEXCH50 1020 2"),
        Said(1.0, "-->", "[1020 octets of binary]"),
        Said(2.0, "-->", "A: 1"),
        Said(2.0, "-->", "B: 2"),
        Said(2.0, "-->", "C: 3"),
        Said(2.0, "-->", "D: 4"),
        Said(2.0, "-->", "[... 32 octets of message in all]"),
        Said(3.0, "---", "gone"),
    ]
