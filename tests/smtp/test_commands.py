"""Command lines taken apart; sizes read the one way that every parser agrees on, or not at all."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpguard.smtp.commands import (
    Command,
    address,
    announced_size,
    blob_size,
    chunk_size,
    link2state_overflows,
    names_first_chunk,
)


@pytest.mark.parametrize(
    ("line", "verb", "argument"),
    [
        (b"MAIL FROM:<a@b.example>\r\n", "MAIL", b"FROM:<a@b.example>"),
        (b"mail FROM:<a@b.example> SIZE=10\r\n", "MAIL", b"FROM:<a@b.example> SIZE=10"),
        (b"DATA\r\n", "DATA", b""),
        (b"DATA \r\n", "DATA", b""),
        (b"  dAtA\r\n", "DATA", b""),
        (b"\x0b\x0cDATA\x0b\r\n", "DATA", b""),
        (b"AUTH\x0bPLAIN AGE=\r\n", "AUTH", b"PLAIN AGE="),
        (b"BDAT\t86 LAST\r\n", "BDAT", b"86 LAST"),
        (b"x-link2state LAST CHUNK={0000000f} x\r\n", "X-LINK2STATE", b"LAST CHUNK={0000000f} x"),
        (b"FROB a b\r\n", "FROB", b"a b"),
        (b"\r\n", "", b""),
        (b"DATA\n", "DATA", b""),
        (b"\xff\x00\r\n", "\xff\x00", b""),
    ],
)
def test_verb_and_argument(line: bytes, verb: str, argument: bytes) -> None:
    command = Command(line)
    assert (command.verb, command.argument, command.line) == (verb, argument, line)


@given(st.binary(max_size=80))
def test_any_line_is_a_command(line: bytes) -> None:
    command = Command(line + b"\n")
    for read in (chunk_size, blob_size, address, announced_size, names_first_chunk):
        read(command)
    link2state_overflows(command, first_seen=False)
    assert command.line == line + b"\n"


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (b"BDAT 86 LAST\r\n", (86, True)),
        (b"bdat 0 last\r\n", (0, True)),
        (b"BDAT 5\r\n", (5, False)),
        (b"BDAT 0005\r\n", (5, False)),
        (b"BDAT 5 X\r\n", None),
        (b"BDAT 5 LAST X\r\n", None),
        (b"BDAT -1\r\n", None),
        (b"\x0bBDAT 5\r\n", None),
        (b"BDAT\x0b5\r\n", None),
        (b"BDAT +1\r\n", None),
        (b"BDAT\r\n", None),
        (b"BDAT LAST\r\n", None),
        (b"BDAT 0x10 LAST\r\n", None),
        (b"BDAT 5LAST\r\n", None),
        (b"BDAT 99999999999999999999 LAST\r\n", None),
        ("BDAT ٣ LAST\r\n".encode(), None),
    ],
)
def test_octets_of_a_chunk(line: bytes, size: tuple[int, bool] | None) -> None:
    assert chunk_size(Command(line)) == size
    assert announced_size(Command(line)) == (size[0] if size else None)


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (b"XEXCH50 1020 2\r\n", 1020),
        (b"xexch50 2336 3\r\n", 2336),
        (b"XEXCH50 0 2\r\n", 0),
        (b"XEXCH50 1073741824 2\r\n", 1 << 30),
        (b"XEXCH50 1073741825 2\r\n", None),
        (b"XEXCH50 -1 2\r\n", None),
        (b"xexch50\t -1 2\r\n", None),
        (b"XEXCH50 abc 2\r\n", None),
        (b"XEXCH50 2\r\n", None),
        (b"XEXCH50\r\n", None),
        (b"XEXCH50 2 2 2\r\n", None),
        (b"XEXCH50 4294967298 2\r\n", None),
        (b"XEXCH50 99999999999999999999 2\r\n", None),
    ],
)
def test_octets_of_a_blob(line: bytes, size: int | None) -> None:
    assert blob_size(Command(line)) == size
    assert announced_size(Command(line)) == size


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (b"MAIL FROM:<a@b.example>\r\n", b"a@b.example"),
        (b"MAIL FROM: <a@b.example> SIZE=3\r\n", b"a@b.example"),
        (b"MAIL FROM:<>\r\n", b""),
        (b"mail from:a@b.example\r\n", b"a@b.example"),
        (b"\x0cmail\x0bfrom:a@b.example\x0bSIZE=1\r\n", b"a@b.example"),
        (b"RCPT TO:<@relay.example,@other.example:a@b.example>\r\n", b"a@b.example"),
        (b"RCPT TO:<Postmaster>\r\n", b"Postmaster"),
        ("RCPT TO:<jörg@b.example>\r\n".encode(), "jörg@b.example".encode()),
        (b'RCPT TO:<"a>b"@c.example>\r\n', b'"a>b"@c.example'),
        (b"MAIL\r\n", b""),
    ],
)
def test_the_address_of_an_envelope_command(line: bytes, found: bytes) -> None:
    assert address(Command(line)) == found


@pytest.mark.parametrize(
    ("line", "size"),
    [
        (b"MAIL FROM:<a@b.example> SIZE=4096\r\n", 4096),
        (b"MAIL FROM:<a@b.example> BODY=8BITMIME size=1\r\n", 1),
        (b"MAIL FROM:<a@b.example>\r\n", None),
        (b"MAIL FROM:<a@b.example> SIZE=x\r\n", None),
    ],
)
def test_the_size_that_mail_announces(line: bytes, size: int | None) -> None:
    assert announced_size(Command(line)) == size


@pytest.mark.parametrize(
    ("argument", "first_seen", "overflows"),
    [
        (b"CHUNK=" + b"A" * 521, False, True),
        (b"CHUNK=" + b"A" * 520, False, False),
        (b"CHUNK={00000209} A", False, True),
        (b"CHUNK={fffffff0} A", False, True),
        (b"CHUNK={00000208} A", False, False),
        (b"LAST CHUNK={0000000f} short", False, False),
        (b"FIRST CHUNK=" + b"A" * 900, False, False),
        (b"CHUNK=" + b"A" * 521, True, False),
        (b"nothing", False, False),
    ],
)
def test_the_overflow_of_ms05_021(argument: bytes, first_seen: bool, overflows: bool) -> None:
    assert link2state_overflows(Command(b"X-LINK2STATE " + argument + b"\r\n"), first_seen) is overflows


def test_a_series_of_chunks_opens_with_first() -> None:
    assert names_first_chunk(Command(b"X-LINK2STATE FIRST CHUNK=x\r\n"))
    assert names_first_chunk(Command(b"x-link2state first chunk=x\r\n"))
    assert not names_first_chunk(Command(b"X-LINK2STATE LAST CHUNK=x\r\n"))


def test_a_line_full_of_blanks_is_read_at_once() -> None:
    blanks = b" " * 16_000
    began = process_time()
    command = Command(b"NOOP a" + blanks + b"b" + blanks + b"\r\n")
    assert command.argument == b"a" + blanks + b"b"
    assert process_time() - began < 1.0  # with a pattern for the blanks at the end it was five


def test_a_chunk_behind_a_line_of_blanks_is_looked_for_once() -> None:
    command = Command(b"X-LINK2STATE FIRST" + b" " * 16_000 + b"x\r\n")
    began = process_time()
    for _ in range(5):
        assert not link2state_overflows(command, first_seen=False)
    assert process_time() - began < 1.0  # looked for anew from each blank it was five


@pytest.mark.parametrize(
    ("line", "argument"),
    [
        (b"NOOP\r\n", b""),
        (b"NOOP  \t\r\n", b""),
        (b"  NOOP \ta b \t\r\n", b"a b"),
        (b"NOOP a\n", b"a"),
        (b"NOOP a\r", b"a"),
        (b"NOOP a \r\r\n", b"a \r"),
        (b"NOOP a\n\n", b"a\n"),
        (b"NOOP\0a\r\n", b""),
    ],
)
def test_the_argument_is_what_stands_between_the_blanks(line: bytes, argument: bytes) -> None:
    assert Command(line).argument == argument
