"""Which system it is, from banner and list; the table behind it."""

from __future__ import annotations

import pytest

from smtpguard.analyzer.ehlo import Ehlo, read_ehlo
from smtpguard.analyzer.steps import Step
from smtpguard.analyzer.systems import classify, is_exchange_banner, proxy_of, table

W2003 = "220 mx1 Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready at  Thu, 25 Oct 2007 09:00:00 -0700"
LATER = "220 mx1 Microsoft ESMTP MAIL Service ready at Thu, 25 Oct 2007 09:00:00 -0700"
STARS = "220 **************************2******0***0*"
PLAIN = "SIZE PIPELINING DSN ENHANCEDSTATUSCODES 8BITMIME BINARYMIME CHUNKING"
WINDOWS = "TURN ATRN SIZE ETRN PIPELINING DSN ENHANCEDSTATUSCODES 8bitmime BINARYMIME CHUNKING VRFY AUTH"


def listed(words: str) -> Ehlo:
    lines = ["mx1", *words.split()]
    octets = "".join(f"250{'-' if line is not lines[-1] else ' '}{line}\r\n" for line in lines).encode("ascii")
    return read_ehlo(Step("EHLO", b"EHLO a\r\n", octets, 250))


@pytest.mark.parametrize(
    ("banner", "words", "expected"),
    [
        (W2003, f"{WINDOWS} X-EXPS X-LINK2STATE XEXCH50 OK", "exchange-2000-2003"),
        (W2003, f"{WINDOWS} OK", "iis-without-exchange"),
        (W2003, f"{WINDOWS} X-LINK2STATE XEXCH50 OK", "exchange-some-sinks-missing"),
        (W2003, "TURN SIZE TLS STARTTLS X-EXPS X-LINK2STATE XEXCH50 OK", "sbs-certificate"),
        (W2003, "TURN ATRN SIZE TLS STARTTLS X-EXPS X-LINK2STATE XEXCH50 OK", "exchange-2000-2003"),
        (W2003, "", "exchange-no-extensions"),
        (LATER, "", "exchange-no-extensions"),
        (STARS, f"{WINDOWS} X-EXPS X-LINK2STATE XEXCH50 OK", "exchange-2000-2003"),
        ("220 mx1 ready", f"{WINDOWS} OK", "iis-without-exchange"),
        ("220 mx1 ready", "XEXCH50 HELP ETRN DSN SIZE AUTH AUTH=LOGIN", "exchange-5.5"),
        (LATER, f"{PLAIN} X-ANONYMOUSTLS X-EXPS XEXCH50", "exchange-2007"),
        (LATER, f"{PLAIN} X-ANONYMOUSTLS X-EXPS XEXCH50 XRDST XSHADOW", "exchange-2010"),
        (LATER, f"{PLAIN} X-ANONYMOUSTLS X-EXPS XEXCH50 XRDST", "exchange-2010"),
        (LATER, f"{PLAIN} X-ANONYMOUSTLS X-EXPS XRDST", "exchange-2007-or-later"),
        (LATER, f"{PLAIN} SMTPUTF8", "exchange-later"),
        (LATER, PLAIN, "exchange-2007-or-later"),
        ("220 mail ESMTP Postfix (Debian/GNU)", f"{PLAIN} ETRN VRFY", "other"),
        ("220 mail ESMTP Exim 4.96 Thu, 25 Oct 2007 09:00:00 +0000", "SIZE 8BITMIME PIPELINING HELP", "other"),
        ("220 mail ESMTP OpenSMTPD", "8BITMIME ENHANCEDSTATUSCODES SIZE DSN HELP", "other"),
        ("220 mail ESMTP Postfix", f"{WINDOWS} X-LINK2STATE XEXCH50 OK", "exchange-some-sinks-missing"),
        ("220 mail ready", PLAIN, "unknown"),
    ],
)
def test_classes(banner: str, words: str, expected: str) -> None:
    assert classify(banner, listed(words)).system.id == expected


def test_a_mask_with_arguments_stands_for_x_exps() -> None:
    """Cisco ASA over the list of Exchange 2003: the sinks are hidden, not missing."""
    masks = ("XXXA", "XXXXXXXB", f"{'X' * 18}C", f"{'X' * 11}D", "XXXXXXE", "XF")
    found = classify(STARS, listed(f"{masks[0]} SIZE ETRN 8bitmime {' '.join(masks[1:])}"))
    assert found.system.id == "exchange-2000-2003"
    assert f"{masks[2]} stands where X-EXPS may have been" in found.reasons
    short = classify(W2003, listed("XXXA SIZE ETRN 8bitmime XXXXXXXB XXXC OK"))
    assert short.system.id == "iis-without-exchange"


def test_other_servers_are_named() -> None:
    assert classify("220 mail ESMTP Postfix", listed(PLAIN)).name == "Postfix"
    assert classify("220 mail eximious ready", listed(PLAIN)).name == ""


def test_a_windows_list_behind_another_banner_says_so() -> None:
    reasons = classify("220 scanner ready", listed(f"{WINDOWS} OK")).reasons
    assert "the banner is not Exchange's, so another box may answer before the server" in reasons


def test_ehlo_refused_behind_an_exchange_banner() -> None:
    found = classify(W2003, Ehlo(given=False))
    assert found.system.id == "exchange-no-extensions"
    assert found.reasons[-1] == "EHLO was not answered with 250"


@pytest.mark.parametrize(
    ("banner", "expected"),
    [
        (W2003, True),
        (LATER, True),
        ("220 mx1 ESMTP Server (Microsoft Exchange Internet Mail Service 5.5.2653.13) ready", True),
        ("220 mx1 ESMTP Postfix", False),
        (STARS, False),
        (W2003.replace("Version: ", "Version "), False),
        (f"{W2003[:70]}", False),
    ],
)
def test_the_form_of_the_banner(banner: str, expected: bool) -> None:
    assert is_exchange_banner(banner) is expected


@pytest.mark.parametrize(
    ("banner", "expected"),
    [
        (STARS, "Cisco PIX or ASA (a banner of asterisks)"),
        ("220 mx1 InterScan Messaging Security", "Trend Micro InterScan"),
        ("220 ESMTP virus scanner ready", "a scanner or proxy by its own word"),
        (W2003, ""),
        ("220 mail ESMTP Postfix", ""),
        ("220 proxy1.example.net ESMTP", ""),
    ],
)
def test_third_parties(banner: str, expected: str) -> None:
    assert proxy_of(banner) == expected


def test_every_system_is_told_once() -> None:
    identities = [row.id for row in table().systems]
    assert len(set(identities)) == len(identities)
    assert all(set(row.accepted_with) <= set(row.wanted) for row in table().systems)
