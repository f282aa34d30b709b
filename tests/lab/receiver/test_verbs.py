"""The small verbs where the golden transcripts do not say it all."""

from __future__ import annotations

from smtpguard.lab.clock import run_virtual
from tests.lab.hosts import converse, receiving


def answers(octets: bytes, profile: str = "exchange-2003", **settings: object) -> list[bytes]:
    """The lines that come back behind the banner."""

    async def main() -> bytes:
        async with receiving(profile, **settings) as host:
            return await converse(host.port, octets)

    return run_virtual(main).split(b"\r\n")[1:-1]


def test_a_sink_that_is_not_loaded_makes_its_verb_unknown() -> None:
    octets = (
        b"MAIL FROM:<a@example.com>\r\nRCPT TO:<bob@example.net>\r\n"
        b"XEXCH50 4 2\r\nX-LINK2STATE LAST CHUNK=x\r\nX-EXPS NTLM\r\n"
    )
    unregistered = ("peexch50.dll", "xlsasink.dll", "exps")
    assert answers(octets, unregistered=unregistered)[2:] == [b"500 5.3.3 Unrecognized command"] * 3


def test_a_keyword_switched_off_is_gone_and_its_verb_is_not() -> None:
    lines = answers(b"EHLO a\r\nVRFY bob\r\n", keywords_off=("VRFY",))
    assert b"250-VRFY" not in lines
    assert lines[-1].startswith(b"252 2.1.5 ")


def test_the_postmaster_needs_no_domain() -> None:
    assert answers(b"MAIL FROM: a@example.com\r\nRCPT TO: Postmaster\r\nRCPT TO:<bob>\r\n")[1:] == [
        b"250 2.1.5 Postmaster ",
        b"550 5.7.1 Unable to relay for bob",
    ]


def test_a_size_over_the_limit_is_refused_at_once() -> None:
    assert answers(b"MAIL FROM:<a@example.com> SIZE=5242881\r\nMAIL FROM:<a@example.com> SIZE=5242880\r\n", "iis") == [
        b"552 5.3.4 Message too big",  # ours
        b"250 2.1.0 a@example.com....Sender OK",
    ]


def test_arguments_that_are_missing_or_too_many() -> None:
    octets = b"VRFY\r\nETRN\r\nAUTH\r\nSTARTTLS now\r\n"
    assert answers(octets, "sbs-2003") == [b"501 5.5.4 Invalid arguments"] * 4


def test_without_a_certificate_there_is_no_starttls() -> None:
    assert answers(b"STARTTLS\r\n") == [b"500 5.3.3 Unrecognized command"]


def test_pipelined_commands_are_answered_in_order() -> None:
    recipients = b"RCPT TO:<x@example.org>\r\nRCPT TO:<bob@example.net>\r\n"
    octets = b"EHLO a\r\nMAIL FROM:<a@example.com>\r\n" + recipients + b"RSET\r\nQUIT\r\n"
    assert [line[:3] for line in answers(octets)[-5:]] == [b"250", b"550", b"250", b"250", b"221"]
