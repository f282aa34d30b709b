"""What a transcript shows of a command or reply, and what it hides."""

from __future__ import annotations

import pytest

from smtpguard.inspection.concealing import concealed_command, concealed_octets, concealed_reply, gives_credentials


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"MAIL FROM:<a@b.example> SIZE=9\r\n", b"MAIL FROM:<a@b.example> SIZE=9\r\n"),
        (b"XEXCH50 1020 2\r\n", b"XEXCH50 1020 2\r\n"),
        (b"AUTH PLAIN AHVzZXIAc2VjcmV0\r\n", b"AUTH PLAIN xxxxxxxxxxxxxxxx\r\n"),
        (b"auth  login dXNlcg==\r\n", b"auth  login xxxxxxxx\r\n"),
        (b"X-EXPS GSSAPI YII=\r\n", b"X-EXPS GSSAPI xxxx\r\n"),
        (b"AUTH c2VjcmV0\r\n", b"AUTH xxxxxxxx\r\n"),
        (b"AUTH SCRAM-SHA-256 n,,n=user\r\n", b"AUTH SCRAM-SHA-256 xxxxxxxxx\r\n"),
        (b"AUTH PLAINc2VjcmV0\r\n", b"AUTH xxxxxxxxxxxxx\r\n"),
        (b"AUTH\r\n", b"AUTH\r\n"),
        (b"NOOP my password is xyzzy\r\n", b"NOOP xx xxxxxxxx xx xxxxx\r\n"),
        (b"FROB x\r\n", b"xxxx x\r\n"),
        (b"XFROB secret\r\n", b"XFROB xxxxxx\r\n"),
        (b"XFROB\0y\r\n", b"xxxxx\0x\r\n"),
        (b"\r\n", b"\r\n"),
        (b"", b""),
    ],
)
def test_commands(line: bytes, shown: bytes) -> None:
    assert concealed_command(line, tried_auth=False) == shown
    assert len(shown) == len(line)


def test_behind_auth_a_private_verb_may_be_a_password() -> None:
    assert concealed_command(b"XYZZY1234\r\n", tried_auth=True) == b"xxxxxxxxx\r\n"


def test_credentials_begin_with_auth() -> None:
    assert [gives_credentials(line) for line in (b"auth x\r\n", b"X-EXPS\r\n", b"MAIL x\r\n")] == [True, True, False]


def test_of_a_reply_only_the_codes_are_left() -> None:
    assert concealed_reply(b"500-unknown: c2Vj\r\n500 abc\r\n") == b"500-xxxxxxxx xxxx\r\n500 xxx\r\n"


def test_line_ends_nul_and_dots_are_kept() -> None:
    assert concealed_octets(b"ab\n.\n\r\n\0.\r\n.x") == b"xx\n.\n\r\n\0.\r\n.x"
