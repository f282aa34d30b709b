"""The guard: listening, the cap on sessions, what the journal hears, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import socket

import pytest

from smtpguard.policy.loader import load_policy
from smtpguard.relay.guard import Guard
from smtpguard.relay.interception import Intercept, Interception
from smtpguard.relay.settings import RelaySettings
from tests.relay.hosts import Journal, client, guard, ordinary, run, server

MESSAGE = b"EHLO a\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n"


def test_a_message_passes_and_the_journal_sums_it_up() -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "strip-xexch50", journal) as box:
            async with client(box) as (reader, writer):
                assert await reader.readline() == b"220 mx ESMTP\r\n"
                writer.write(MESSAGE)
                assert await reader.readuntil(b"354 go\r\n") == (
                    b"250-mx\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go\r\n"
                )
                writer.write(b"Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n")
                assert await reader.read() == b"250 taken\r\n221 bye\r\n"
        assert [fields["keyword"] for fields in journal.named("keyword-stripped")] == ["XEXCH50"]
        [summary] = journal.named("session")
        assert summary["session"] == "1"
        assert summary["messages_accepted"] == 1
        assert summary["commands"] == 5
        assert summary["octets_from_client"] == len(MESSAGE) + len(b"Subject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n")
        assert str(summary["client"]).startswith("127.0.0.1:")

    run(test())


def test_a_shadow_says_what_it_would_have_done_and_mail_goes_on() -> None:
    async def test() -> None:
        journal = Journal()
        shadow = load_policy("close-on-xexch50", observe=True)
        async with server(ordinary) as upstream, guard(upstream, "strip-chunking", journal, shadow=shadow) as box:
            async with client(box) as (reader, writer):
                writer.write(b"EHLO a\r\nXEXCH50 5 2\r\n")
                await reader.readuntil(b"250 ok\r\n")
                writer.write(MESSAGE)
                await reader.readuntil(b"354 go\r\n")
                writer.write(b"hello\r\n.\r\nQUIT\r\n")
                assert await reader.read() == b"250 taken\r\n221 bye\r\n"
        [closed] = journal.named("command-closed")
        assert (closed["shadow"], closed["observed"], closed["session"]) == ("close-on-xexch50", True, "1")
        [summary] = journal.named("session")
        assert (summary["policy"], summary["messages_accepted"], summary["verdicts"]) == ("strip-chunking", 1, {})
        assert summary["shadow"] == {
            "policy": "close-on-xexch50",
            "decisions": 1,
            "verdicts": {str(closed["rule"]): 1},
            "followed": True,
        }

    run(test())


def test_ipv6() -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, journal=journal, host="::1") as box:
            async with client(box, "::1") as (reader, writer):
                assert await reader.readline() == b"220 mx ESMTP\r\n"
                writer.write(b"QUIT\r\n")
                assert await reader.read() == b"221 bye\r\n"
        assert str(journal.named("session")[0]["client"]).startswith("[::1]:")

    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    run(test())


def test_one_session_too_many_is_told_421() -> None:
    async def test() -> None:
        journal = Journal()
        settings = RelaySettings(max_sessions=1, linger=1.0)
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings) as box:
            async with client(box) as (first, _):
                assert await first.readline() == b"220 mx ESMTP\r\n"
                async with client(box) as (second, _):
                    assert (await second.read()).startswith(b"421 ")
                assert journal.named("session-refused")[0]["limit"] == "max_sessions"

    run(test())


def test_an_upstream_that_refuses_is_a_421_to_the_client() -> None:
    async def test() -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = closed.getsockname()[:2]
        journal = Journal()
        async with guard(nobody, "pass", journal) as box, client(box) as (reader, _):
            assert (await reader.read()).startswith(b"421 4.4.1 ")
        assert journal.named("upstream-refused")[0]["upstream"] == f"127.0.0.1:{nobody[1]}"
        assert len(journal.named("session")) == 1

    run(test())


def test_a_taken_port_is_an_oserror() -> None:
    async def test() -> None:
        async with server(ordinary) as upstream:
            box = Guard(load_policy("pass"), listen=upstream, upstream=upstream, journal=Journal())
            with pytest.raises(OSError, match="in use"):
                await box.start()

    run(test())


def test_stop_lets_a_transaction_end_and_says_421_to_the_idle() -> None:
    async def test() -> None:
        async with server(ordinary) as upstream, guard(upstream, "strip-xexch50") as box:
            async with client(box) as (idle, _), client(box) as (busy, writer):
                assert await idle.readline() == b"220 mx ESMTP\r\n"
                assert await busy.readline() == b"220 mx ESMTP\r\n"
                writer.write(MESSAGE)
                await busy.readuntil(b"354 go\r\n")
                stop = asyncio.create_task(box.stop(grace=10.0))
                assert (await idle.read()).startswith(b"421 4.3.2 ")
                writer.write(b"text\r\n.\r\n")
                assert await busy.readline() == b"250 taken\r\n"
                assert (await busy.read()).startswith(b"421 4.3.2 ")
                await stop
            assert box.sessions == 0

    run(test())


def test_after_the_grace_everyone_is_told_421() -> None:
    async def test() -> None:
        async with server(ordinary) as upstream, guard(upstream) as box, client(box) as (busy, writer):
            assert await busy.readline() == b"220 mx ESMTP\r\n"
            writer.write(b"MAIL FROM:<a@b>\r\n")
            assert await busy.readline() == b"250 ok\r\n"
            stop = asyncio.create_task(box.stop(grace=0.05))
            assert (await busy.read()).startswith(b"421 4.3.2 ")
            await stop
            assert box.sessions == 0

    run(test())


def test_an_intercepted_client_that_comes_while_the_guard_stops_is_told_so() -> None:
    async def test() -> None:
        journal = Journal()
        box = Guard(
            load_policy("pass"), listen=("127.0.0.1", 0), upstream=Interception(Intercept.REDIRECT), journal=journal
        )
        await box.start()
        with socket.create_connection(("127.0.0.1", box.port)) as client:
            while not box.sessions:  # noqa: ASYNC110 - accepted, and not yet told so: nothing else says that
                await asyncio.sleep(0)
            await box.stop(grace=5.0)
            client.settimeout(10)
            assert client.recv(100).startswith(b"421 ")
        assert len(journal.named("loop-refused")) == 1

    run(test())
