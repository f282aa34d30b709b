"""Who the client is: PROXY headers in, what no proxy may say, and what the journal says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from smtpguard.policy.loader import load_policy
from smtpguard.relay.proxy_header import write_header
from tests.relay.hosts import Journal, client, guard, ordinary, run, server
from tests.relay.proxied import CLIENT, TARGET, settings


async def turns(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so that nobody reports."""
    while not condition():  # noqa: ASYNC110 - as said
        await asyncio.sleep(0)


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    """What comes before the end, in order or by reset."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("cut", ["whole", "by octet", "with a command"])
def test_a_trusted_header_names_the_client(version: str, cut: str) -> None:
    async def test() -> None:
        journal = Journal()
        policy = load_policy_text(
            "summary: x\nrules: [{id: far, on: command, verb: MAIL, client: 198.51.100.0/24, "
            "then: {reject: {code: 550, enhanced: 5.7.1, text: Not you}}}]"
        )
        async with server(ordinary) as upstream, guard(upstream, policy, journal, settings("127.0.0.0/8")) as box:
            async with client(box) as (reader, writer):
                header = write_header(version, CLIENT, TARGET)
                if cut == "by octet":
                    for position in range(len(header)):
                        writer.write(header[position : position + 1])
                        await writer.drain()
                        await asyncio.sleep(0)
                else:
                    writer.write(header)
                assert await reader.readline() == b"220 mx ESMTP\r\n"
                writer.write(b"MAIL FROM:<a@a.example>\r\nQUIT\r\n")
                assert (await reader.readline()).startswith(b"550 5.7.1 Not you")
                ours = writer.get_extra_info("sockname")
                await reader.read()
            await journal.until("session")
        (summary,) = journal.named("session")
        assert summary["client"] == "198.51.100.7:40210"
        assert summary["proxy"] == f"127.0.0.1:{ours[1]}"

    run(test())


def load_policy_text(text: str) -> Any:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_text(text)
        return load_policy(str(path))


def test_what_comes_behind_the_header_in_one_read_is_the_clients() -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings("127.0.0.1/32")) as box:
            async with client(box) as (reader, writer):
                writer.write(write_header("v2", CLIENT, TARGET) + b"NOOP\r\n")
                assert await reader.readline() == b"220 mx ESMTP\r\n"
                assert await reader.readline() == b"250 ok\r\n"
            await journal.until("session")
        assert journal.named("violation")[0]["violation"] == "early-talk"

    run(test())


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", write_header("v2", None, None)])
def test_a_proxy_that_speaks_for_itself_is_the_client(header: bytes) -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings("127.0.0.1/32")) as box:
            async with client(box) as (reader, writer):
                writer.write(header)
                assert await reader.readline() == b"220 mx ESMTP\r\n"
                writer.write(b"QUIT\r\n")
                await reader.read()
            await journal.until("session")
        assert str(journal.named("session")[0]["client"]).startswith("127.0.0.1:")

    run(test())


@pytest.mark.parametrize(
    ("said", "why"),
    [(b"EHLO a.example\r\n", "no PROXY"), (b"PROXY TCP4 x y 1 2\r\n", "malformed"), (b"", "no whole header")],
)
def test_a_trusted_peer_without_a_whole_header_is_refused(said: bytes, why: str) -> None:
    async def test() -> None:
        journal = Journal()
        limits = settings("127.0.0.1/32", proxy_protocol={"header": 0.2})
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, limits) as box:
            async with client(box) as (reader, writer):
                writer.write(said)
                assert await to_the_end(reader) == b""
            await journal.until("session")
        (refused,) = journal.named("proxy-refused")
        assert why in str(refused["why"])
        assert str(refused["peer"]).startswith("127.0.0.1:")

    run(test())


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("cut", [None, 5])
def test_a_header_from_elsewhere_is_refused(version: str, cut: int | None) -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings("192.0.2.0/24")) as box:
            async with client(box) as (reader, writer):
                header = write_header(version, CLIENT, TARGET)
                writer.write(header[:cut])
                if cut is not None:
                    assert await reader.readline() == b"220 mx ESMTP\r\n"
                    writer.write(header[cut:])
                await to_the_end(reader)
            await journal.until("session")
        assert journal.named("proxy-refused")[0]["why"] == "a header from no proxy"
        assert str(journal.named("session")[0]["client"]).startswith("127.0.0.1:")

    run(test())


@pytest.mark.parametrize("first", [b"QUIT\r\n", b"P", b"\r\n"])
def test_others_are_ordinary_clients(first: bytes) -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings("192.0.2.0/24")) as box:
            async with client(box) as (reader, writer):
                assert await reader.readline() == b"220 mx ESMTP\r\n"
                writer.write(first)
                if first != b"QUIT\r\n":
                    writer.write(b"ING\r\nQUIT\r\n")
                assert (await reader.read()).endswith(b"221 bye\r\n")
            await journal.until("session")
        assert journal.named("proxy-refused") == []

    run(test())


def test_who_waits_at_the_gate_counts_as_a_session() -> None:
    async def test() -> None:
        journal = Journal()
        limits = settings("127.0.0.1/32", max_sessions=1)
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, limits) as box:
            async with client(box) as (first, hand):
                await turns(lambda: box.sessions == 1)
                async with client(box) as (second, _):
                    assert await to_the_end(second) == b""
                hand.write(b"PROXY UNKNOWN\r\n")
                assert await first.readline() == b"220 mx ESMTP\r\n"
        (refused,) = journal.named("session-refused")
        assert refused["limit"] == "max_sessions"
        assert str(refused["client"]).startswith("127.0.0.1:")

    run(test())


def test_only_the_first_word_may_be_a_header() -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings("192.0.2.0/24")) as box:
            async with client(box) as (reader, writer):
                assert await reader.readline() == b"220 mx ESMTP\r\n"
                for line in (b"NOOP\r\n", b"MAIL FROM:<a@a.example>\r\n", b"DATA\r\n"):
                    writer.write(line)
                    await reader.readline()
                for piece in (b"PRO", b"XY TCP4 192.0.2.1 192.0.2.2 1 2\r\n.\r\n"):
                    writer.write(piece)
                    await writer.drain()
                assert await reader.readline() == b"250 taken\r\n"
                writer.write(b"QUIT\r\n")
                assert await reader.read() == b"221 bye\r\n"
            await journal.until("session")
        assert journal.named("proxy-refused") == []

    run(test())


def test_a_client_at_the_gate_does_not_hold_up_a_stop() -> None:
    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings("127.0.0.1/32")) as box:
            async with client(box) as (reader, writer):
                writer.write(b"PROXY ")
                await turns(lambda: box.sessions == 1)
                await box.stop(grace=5.0)
                assert await to_the_end(reader) == b""
        assert len(journal.named("session")) == 1

    run(test())
