"""Too much to do: new sessions are refused, or pass unseen, each with a record; and a stop leaves nobody waiting."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from smtpguard.policy.loader import load_policy
from smtpguard.relay.guard import Guard
from smtpguard.relay.settings import FailureSettings, LimitSettings, RelaySettings
from tests.relay.hosts import Journal, client, guard, ordinary, run, server


def test_refused() -> None:
    async def test() -> None:
        journal = Journal()
        settings = RelaySettings(linger=1.0, failure=FailureSettings(lag=0.5))
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings) as box:
            box.look(lag=0.6)
            async with client(box) as (reader, _):
                assert (await reader.read()).startswith(b"421 4.3.2 ")
            assert [fields["limit"] for fields in journal.named("session-refused")] == ["lag"]
            box.look(lag=0.0)
            async with client(box) as (reader, _):
                assert await reader.readline() == b"220 mx ESMTP\r\n"

    run(test())


def test_let_through_unseen() -> None:
    async def test() -> None:
        journal = Journal()
        settings = RelaySettings(linger=1.0, failure=FailureSettings(lag=0.5, overload="tunnel"))
        async with server(ordinary) as upstream, guard(upstream, "strip-xexch50", journal, settings) as box:
            box.look(lag=0.6)
            async with client(box) as (reader, writer):
                writer.write(b"EHLO a\r\nQUIT\r\n")
                assert b"XEXCH50" in await reader.read()
            await journal.until("session")
        assert [fields["limit"] for fields in journal.named("uninspected")] == ["lag"]
        assert journal.named("session")[0]["tunnelled"] is True
        assert journal.named("keyword-stripped") == []

    run(test())


def test_a_payload_that_trickles_ends() -> None:
    async def test() -> None:
        journal = Journal()
        settings = RelaySettings(linger=1.0, limits=LimitSettings(payload_rate=1000, payload_seconds=0.05))
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings) as box:
            async with client(box) as (reader, writer):
                writer.write(b"EHLO a\r\nMAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n")
                await reader.readuntil(b"354 go\r\n")
                box.look(lag=0.0)
                writer.write(b"x")
                await asyncio.sleep(0.1)
                box.look(lag=0.0)
                assert (await reader.read()).startswith(b"421 4.4.2 ")
            await journal.until("session")
        assert len(journal.named("slow-client")) == 1
        assert journal.named("message") == []

    run(test())


def test_sessions_in_flight_end_under_what_they_began_with() -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "strip-xexch50", journal) as box:
            async with client(box) as (reader, writer):
                await reader.readline()
                box.adopt(load_policy("pass"), None, box.settings)
                writer.write(b"EHLO a\r\nQUIT\r\n")
                assert b"XEXCH50" not in await reader.read()
            async with client(box) as (reader, writer):
                await reader.readline()
                writer.write(b"EHLO a\r\nQUIT\r\n")
                assert b"XEXCH50" in await reader.read()
            while len(journal.named("session")) < 2:  # noqa: ASYNC110 - the journal says when
                await asyncio.sleep(0.01)
        assert {fields["policy"] for fields in journal.named("session")} == {"strip-xexch50", "pass"}

    run(test())


def test_who_waits_in_the_kernel_is_told_at_a_stop() -> None:
    """Connections that were made and not accepted yet: the loop has had no turn since."""

    async def test() -> None:
        async with server(ordinary) as upstream:
            box = Guard(load_policy("pass"), listen=("127.0.0.1", 0), upstream=upstream, journal=Journal())
            await box.start()
            waiting = [socket.create_connection(("127.0.0.1", box.port)) for _ in range(5)]
            await box.stop(grace=1.0)
            for one in waiting:
                one.settimeout(5)
                assert one.recv(100).startswith(b"421 4.3.2 ")
                assert one.recv(100) == b""
                one.close()

    run(test())


def test_the_second_upstream() -> None:
    async def test() -> None:
        journal = Journal()
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = closed.getsockname()[:2]
        async with server(ordinary) as upstream:
            failure = FailureSettings(second_upstream=f"{upstream[0]}:{upstream[1]}")
            settings = RelaySettings(linger=1.0, failure=failure)
            async with guard(nobody, "pass", journal, settings) as box, client(box) as (reader, _):
                assert await reader.readline() == b"220 mx ESMTP\r\n"
            assert len(journal.named("upstream-second")) == 1
            assert journal.named("upstream-refused") == []
            assert journal.named("session")[0]["server"] == failure.second_upstream

    run(test())


def test_rules_about_the_server_look_at_the_second_one_where_that_is_reached(tmp_path: Path) -> None:
    policy = tmp_path / "second.yaml"
    policy.write_text(
        "summary: A rule for each of two servers\nrules:\n"
        "  - {id: first, on: command, verb: NOOP, server: 127.0.0.2, then: {reject: {code: 550, text: First}}}\n"
        "  - {id: second, on: command, verb: NOOP, server: 127.0.0.1, then: {reject: {code: 550, text: Second}}}\n"
    )

    async def test() -> None:
        async with server(ordinary) as upstream:
            failure = FailureSettings(second_upstream=f"{upstream[0]}:{upstream[1]}")
            settings = RelaySettings(linger=1.0, failure=failure)
            with socket.create_server(("127.0.0.2", 0)) as closed:
                nobody = closed.getsockname()[:2]
            async with guard(nobody, str(policy), Journal(), settings) as box, client(box) as (reader, writer):
                assert await reader.readline() == b"220 mx ESMTP\r\n"
                writer.write(b"NOOP\r\n")
                assert b"Second" in await reader.readline()

    run(test())
