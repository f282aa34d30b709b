"""The EHLO reply: keywords as they came, masked lines, malformed lines."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.ehlo import Ehlo, read_ehlo
from smtpguard.analyzer.steps import Step

# Facts, section 5: the default map of Cisco ASA over the list of an Exchange 2003.
ASA = (
    b"250-mx1 Hello [192.0.2.1]\r\n250-XXXA\r\n250-SIZE\r\n250-XXXXXXXB\r\n250-XXXC\r\n250-AUTH GSSAPI NTLM\r\n"
    b"250-XXXXXXXXXXXG\r\n250-XXXXXXH\r\n250 XI\r\n"
)


def ehlo(received: bytes, code: int = 250) -> Ehlo:
    return read_ehlo(Step("EHLO", b"EHLO a\r\n", received, code))


def test_keywords_keep_their_case_and_arguments() -> None:
    found = ehlo(b"250-mx1 Hello\r\n250-8bitmime\r\n250-AUTH=LOGIN\r\n250-SIZE 10\r\n250 OK\r\n")
    assert found.given
    assert found.texts == ("8bitmime", "AUTH=LOGIN", "SIZE 10", "OK")
    assert found.names == {"8BITMIME", "AUTH=LOGIN", "SIZE", "OK"}
    assert found.malformed == ()
    assert found.masked == ()


def test_letters_of_cisco_asa() -> None:
    found = ehlo(ASA)
    assert found.masked == ("XXXA", "XXXXXXXB", "XXXC", "XXXXXXXXXXXG", "XXXXXXH", "XI")
    assert found.mask_for("XEXCH50") == "XXXXXXH"
    assert found.mask_for("X-LINK2STATE") == "XXXXXXXXXXXG"
    assert found.mask_for("DSN") == ""


def test_stars() -> None:
    found = ehlo(b"250-mx1\r\n250-XEX*H50\r\n250-CHU*KING\r\n250 OK\r\n")
    assert found.masked == ("XEX*H50", "CHU*KING")
    assert not found.has("XEXCH50")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        (b"240-X-EXPS=LOGIN *\r\n", "240-X-EXPS=LOGIN *"),
        (b"250-DSN\n", "250-DSN"),
        (b"250-D\rSN\r\n", "250-D\\x0dSN"),
        (b"350-DSN\r\n", "350-DSN"),
    ],
)
def test_malformed_lines_are_named_and_the_others_still_count(line: bytes, named: str) -> None:
    found = ehlo(b"250-mx1\r\n" + line + b"250 XEXCH50\r\n")
    assert found.malformed == (named,)
    assert found.has("XEXCH50")


def test_a_last_line_without_text_is_well_formed() -> None:
    assert ehlo(b"250-mx1\r\n250\r\n").malformed == ()


def test_the_keyword_on_a_malformed_line_counts() -> None:
    assert ehlo(b"250-mx1\r\n240-XEXCH50\r\n250 OK\r\n").has("XEXCH50")


def test_what_is_no_list() -> None:
    assert read_ehlo(None) == Ehlo(given=False)
    assert read_ehlo(Step("EHLO", failure="closed")) == Ehlo(given=False)
    assert ehlo(b"500 5.3.3 Unrecognized command\r\n", 500) == Ehlo(given=False)
    garbled = read_ehlo(Step("EHLO", b"", b"what?\r\n", 0, failure="garbled"))
    assert garbled == Ehlo(given=False, malformed=("what?",))
