"""The message that a run sends."""

from __future__ import annotations

from email import message_from_bytes
from pathlib import Path

import pytest

from smtpguard.lab.errors import LabError
from smtpguard.lab.message import LARGEST, check_message, read_message, sample


def test_the_sample_is_mail_that_smtp_can_carry() -> None:
    content = sample()
    check_message(content, "sample")
    assert message_from_bytes(content)["To"] == "Bob Baker <bob@example.net>"
    assert b"\r\n." in content  # so that dot-stuffing is put to the test in every run
    assert content.endswith(b"\r\n")


def test_a_file_is_read_octet_for_octet(tmp_path: Path) -> None:
    content = b"Subject: \xe4\r\n\r\n\x80\xff\t.\r\n"
    path = tmp_path / "mail.eml"
    path.write_bytes(content)
    assert read_message(path) == content


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b"A: 1\r\n\r\nx\x00y\r\n", ":3: holds a NUL octet"),
        (b"A: 1\r\nB: 2\n\r\n", ":2: ends a line in LF without CR"),
        (b"A: 1\r\n\r\nx\ry\r\n", ":3: ends a line in CR without LF"),
        (b"\nA: 1\r\n", ":1: ends a line in LF without CR"),
        (b"A: 1\r", ":1: ends a line in CR without LF"),
        (b"A: 1\r\n\r\nx", ":3: the last line has no CRLF"),
    ],
)
def test_what_smtp_cannot_carry(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "mail.eml"
    path.write_bytes(content)
    with pytest.raises(LabError) as caught:
        read_message(path)
    assert str(caught.value).startswith(str(path))
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read: No such file"):
        read_message(tmp_path / "none.eml")


def test_a_folder_is_no_message(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="cannot be read: Is a directory"):
        read_message(tmp_path)


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "huge.eml"
    with path.open("wb") as file:
        file.truncate(LARGEST + 1)  # a hole: no octet of it is on the disk
    with pytest.raises(LabError, match="larger than"):
        read_message(path)
