"""Servers that mean no good, and servers that only half work: one clear finding each, within the deadline."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import pytest

from smtpguard.analyzer.connection import Limits
from smtpguard.analyzer.findings import Analysis
from smtpguard.lab.clock import run_virtual
from smtpguard.lab.receiver.certificates import server_context
from tests.analyzer.analyzing import of_server, run
from tests.lab.hosts import Serve, script

BANNER = (
    b"220 mx1.example.net Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready at  "
    b"Thu, 25 Oct 2007 09:00:00 -0700\r\n"
)
EXAMPLE_1 = (
    b"250-mail1.example.com Hello [172.16.0.1]\r\n250-TURN\r\n250-ATRN\r\n250-SIZE 5242880\r\n250-ETRN\r\n"
    b"250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-8bitmime\r\n250-BINARYMIME\r\n250-CHUNKING\r\n"
    b"250-VRFY\r\n250-X-EXPS GSSAPI NTLM *\r\n250-AUTH GSSAPI NTLM\r\n240-X-EXPS=LOGIN *\r\n250-X-LINK2STATE *\r\n"
    b"250-XEXCH50 *\r\n250 OK\r\n"
)
EXAMPLE_2 = (
    b"250-mail1.example.com Hello [172.16.0.1]\r\n250-TURN\r\n250-ATRN\r\n250-SIZE 5242880\r\n250-ETRN\r\n"
    b"250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-8bitmime\r\n250-BINARYMIME\r\n250-CHUNKING\r\n"
    b"250-VRFY\r\n250-AUTH GSSAPI NTLM\r\n250 OK\r\n"
)
OK = b"250 OK\r\n"


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    return


def babbling(octets: bytes, first: bytes = b"", after: bytes = b"") -> Serve:
    """Send ``first``; when ``after`` has come in (nothing: at once), send ``octets`` again and again."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        if after:
            await reader.readuntil(after)
        while True:
            writer.write(octets)
            await writer.drain()
            await asyncio.sleep(0.001)

    return serve


def dripping(octets: bytes, seconds: float) -> Serve:
    """Send one octet after the other, each ``seconds`` behind the one before, and begin anew."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            for octet in octets:
                writer.write(bytes([octet]))
                await writer.drain()
                await asyncio.sleep(seconds)

    return serve


def saying(octets: bytes) -> Serve:
    """Send ``octets`` and then wait for the client to leave."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(octets)
        await reader.read()

    return serve


UNTESTED = [
    ("silent", silent, "silent-server", 60),  # the step, and as long again to see whether it speaks TLS
    ("closing", closing, "closing-server", 1),
    ("half a banner", saying(b"220 mx1.exam"), "silent-server", 30),
    ("an octet a second", dripping(b"220-mx1.example.net is busy\r\n", 1.0), "silent-server", 30),
    ("no line end", babbling(b"x" * 1000), "babbling-server", 30),
    ("a banner without end", babbling(b"220-hello\r\n" * 100), "babbling-server", 30),
    ("banners again and again", babbling(b"220 hello\r\n" * 100), "babbling-server", 30),
    ("a list without end", babbling(b"250-FOO\r\n" * 100, BANNER, b"\r\n"), "babbling-server", 30),
    ("garbage", saying(b"SSH-2.0-OpenSSH_9.2\r\n"), "not-smtp", 1),
    ("octets above 127", saying(bytes(range(128, 256)) + b"\r\n"), "not-smtp", 1),
]


@pytest.mark.parametrize(("serve", "rule", "seconds"), [row[1:] for row in UNTESTED], ids=[row[0] for row in UNTESTED])
def test_one_clear_finding_and_no_hang(serve: Serve, rule: str, seconds: float) -> None:
    heard = of_server(serve)
    assert [check.rule.id for check in heard.analysis.findings] == [rule]
    assert heard.analysis.exit_status == 3
    assert heard.seconds <= seconds + 2


def test_a_babbling_server_is_cut_at_a_size() -> None:
    heard = of_server(babbling(b"x" * 1000), limits=Limits(reply=5000))
    step = heard.analysis.findings[0].verdict.step
    assert step is not None
    assert 5000 <= len(step.received) <= 5000 + 4096


FAILED = [
    ("closes behind the banner", script(BANNER), "EHLO"),
    ("never answers EHLO", saying(BANNER), "EHLO"),
    ("refuses with 421", script(b"421 4.3.2 too busy\r\n", b"221 bye\r\n"), "banner"),
    ("refuses with 554", script(b"554 5.7.1 go away\r\n", b"221 bye\r\n"), "banner"),
    ("garbage for EHLO", script(BANNER, b"what?\r\n"), "EHLO"),
    ("refuses MAIL", script(BANNER, EXAMPLE_1, b"550 no\r\n", b"221 bye\r\n"), "MAIL"),
    ("closes at DATA", script(BANNER, EXAMPLE_1, OK, OK), "DATA"),
    ("no 250 for the message", script(BANNER, EXAMPLE_1, OK, OK, b"354 go\r\n"), "DATA"),
]


@pytest.mark.parametrize(("serve", "step"), [row[1:] for row in FAILED], ids=[row[0] for row in FAILED])
def test_a_session_that_breaks_off_is_an_acceptance_failure_at_its_step(serve: Serve, step: str) -> None:
    heard = of_server(serve)
    assert "mail-acceptance" in heard.rules
    finding = next(check for check in heard.analysis.findings if check.rule.id == "mail-acceptance")
    assert finding.verdict.detail.startswith(f"step {step}")
    assert heard.analysis.exit_status == 2
    assert heard.seconds <= 62


def test_the_misprint_of_the_sample_is_named_and_fails_nothing() -> None:
    heard = of_server(script(BANNER, EXAMPLE_1, OK, OK, b"221 bye\r\n"), message=False)
    assert heard.found == [("warning", "EHLO reply has malformed lines")]
    details = {check.rule.id: check.verdict.detail for check in heard.analysis.findings}
    assert details["ehlo-malformed"] == "240-X-EXPS=LOGIN *"
    assert heard.analysis.acceptance is not None
    assert heard.analysis.acceptance.without_data is True
    assert heard.analysis.classified is not None
    assert heard.analysis.classified.system.id == "exchange-2000-2003"


def test_the_second_sample_is_a_server_without_exchange() -> None:
    heard = of_server(script(BANNER, EXAMPLE_2, OK, OK, b"221 bye\r\n"), message=False)
    assert heard.rules - heard.symptoms == {"mail-acceptance", "x-link2state-missing", "xexch50-missing"}
    assert heard.analysis.classified is not None
    assert heard.analysis.classified.system.id == "iis-without-exchange"
    assert "metabase" in heard.analysis.classified.system.about


def test_ehlo_refused_is_followed_by_helo_and_mail_flows() -> None:
    refused = b"500 5.3.3 Unrecognized command\r\n"
    heard = of_server(script(BANNER, refused, OK, OK, OK, b"221 bye\r\n"), message=False)
    steps = [step.name for step in heard.analysis.sessions["mail acceptance test"]]
    assert steps == ["connect", "banner", "EHLO", "HELO", "MAIL", "RCPT", "QUIT"]
    assert heard.rules - heard.symptoms == {
        "mail-acceptance", "x-link2state-missing", "xexch50-missing", "default-verbs-disabled",
    }  # fmt: skip
    assert "ehlo-refused" in heard.symptoms
    assert "RCPT was answered: 250 OK" in heard.analysis.contradiction


def test_ehlo_put_off_is_not_followed_by_helo() -> None:
    heard = of_server(script(BANNER, b"421 later\r\n", b"221 bye\r\n"), message=False)
    outcomes = {check.rule.id: check.verdict.outcome for check in heard.analysis.checks}
    assert outcomes["xexch50-missing"] == "not-tested"
    assert outcomes["default-verbs-disabled"] == "not-tested"
    assert outcomes["mail-acceptance"] == "found"


def test_octets_that_nobody_asked_for_are_kept_apart() -> None:
    heard = of_server(script(BANNER + b"250 early\r\n", b"250 mx1\r\n", OK, OK, b"221 bye\r\n"), message=False)
    ehlo = next(step for step in heard.analysis.sessions["mail acceptance test"] if step.name == "EHLO")
    assert ehlo.unasked == b"250 early\r\n"
    assert ehlo.received == b"250 mx1\r\n"


def test_the_whole_run_has_an_end() -> None:
    heard = of_server(saying(BANNER), limits=Limits(step=30, run=10))
    assert heard.rules == {"out-of-time"}
    assert heard.analysis.exit_status == 3
    assert heard.seconds <= 12


def test_a_port_that_speaks_tls_at_once() -> None:
    async def whole() -> Analysis:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await reader.read()
            writer.close()

        context = server_context("mx1.example.net")
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, ssl_handshake_timeout=100)
        async with server:
            analysis = await run(server.sockets[0].getsockname()[1])
        await asyncio.sleep(1)
        return analysis

    analysis = run_virtual(whole)
    assert [check.rule.id for check in analysis.findings] == ["tls-only-port"]
    assert analysis.exit_status == 3


def test_a_closed_port() -> None:
    async def whole() -> Analysis:
        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return await run(port)

    analysis = run_virtual(whole)
    assert [check.rule.id for check in analysis.findings] == ["closed-port"]
    assert "connection refused" in analysis.findings[0].verdict.detail
