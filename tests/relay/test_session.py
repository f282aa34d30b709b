"""One session over real sockets: half-close, back-pressure each way, loss of either peer, resets, slices, deadlines."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress

import pytest

from smtpguard.policy.actions import Delay, Reset, Slice
from smtpguard.policy.rulebook import ByVerb, Rule, Rulebook
from smtpguard.relay.settings import DeadlineSettings, RelaySettings
from tests.relay.hosts import Journal, client, guard, ordinary, run, server


async def written_until_blocked(writer: asyncio.StreamWriter, block: bytes) -> int:
    """Octets written until nobody takes them for half a second; at most 64 MB."""
    written = 0
    with suppress(TimeoutError):
        while written < 64_000_000:
            writer.write(block)
            written += len(block)
            async with asyncio.timeout(0.5):
                await writer.drain()
    return written


def test_half_close_of_the_client_still_brings_the_replies() -> None:
    async def test() -> None:
        async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            everything = await reader.read()
            assert everything == b"NOOP\r\nQUIT\r\n"
            writer.write(b"250 ok\r\n221 bye\r\n")
            await writer.drain()

        async with server(late) as upstream, guard(upstream) as box, client(box) as (reader, writer):
            writer.write(b"NOOP\r\nQUIT\r\n")
            writer.write_eof()
            assert await reader.read() == b"220 mx\r\n250 ok\r\n221 bye\r\n"

    run(test())


def test_half_close_of_the_server_still_takes_what_the_client_says() -> None:
    async def test() -> None:
        heard = asyncio.get_running_loop().create_future()

        async def short(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            writer.write_eof()
            heard.set_result(await reader.read())

        async with server(short) as upstream, guard(upstream) as box, client(box) as (reader, writer):
            assert await reader.read() == b"220 mx\r\n"
            writer.write(b"NOOP\r\n")
            writer.write_eof()
            assert await heard == b"NOOP\r\n"

    run(test())


def test_a_server_that_does_not_read_stops_the_client_but_not_the_replies() -> None:
    async def test() -> None:
        speak = asyncio.Event()

        async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            assert await reader.readline() == b"DATA\r\n"
            writer.write(b"354 go\r\n")
            writer.transport.pause_reading()
            await speak.wait()
            writer.write(b"421 enough\r\n")
            await writer.drain()
            await asyncio.Event().wait()

        async with server(deaf) as upstream, guard(upstream) as box, client(box) as (reader, writer):
            assert await reader.readline() == b"220 mx\r\n"
            writer.write(b"DATA\r\n")
            assert await reader.readline() == b"354 go\r\n"
            # What kernels buffer over three sockets, not 64 MB.
            assert await written_until_blocked(writer, (b"x" * 998 + b"\r\n") * 64) < 32_000_000
            speak.set()
            assert await reader.readline() == b"421 enough\r\n"

    run(test())


def test_a_client_that_reads_nothing_stops_the_server() -> None:
    async def test() -> None:
        blocked = asyncio.Event()
        written: list[int] = []

        async def talker(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            await reader.readline()
            written.append(await written_until_blocked(writer, b"250 ok\r\n" * 1000))
            blocked.set()

        async with server(talker) as upstream, guard(upstream) as box, client(box) as (reader, writer):
            assert await reader.readline() == b"220 mx\r\n"
            writer.transport.pause_reading()
            writer.write(b"HELP\r\n")
            await blocked.wait()
            assert written[0] < 32_000_000

    run(test())


@pytest.mark.parametrize("policy", ["pass", "strip-xexch50"])
def test_a_server_that_resets_is_a_421_to_the_client(policy: str) -> None:
    async def test() -> None:
        async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            await reader.readline()
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

        async with server(reset) as upstream, guard(upstream, policy) as box, client(box) as (reader, writer):
            assert await reader.readline() == b"220 mx\r\n"
            writer.write(b"NOOP\r\n")
            assert (await reader.read()).startswith(b"421 4.4.1 ")

    run(test())


def test_a_server_that_closes_while_a_reply_is_owed_is_a_421_unless_nothing_may_be_altered() -> None:
    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx\r\n")
        await reader.readline()

    async def test(policy: str, expected: bytes) -> None:
        async with server(closing) as upstream, guard(upstream, policy) as box, client(box) as (reader, writer):
            assert await reader.readline() == b"220 mx\r\n"
            writer.write(b"NOOP\r\n")
            assert (await reader.read())[:10] == expected

    run(test("strip-xexch50", b"421 4.4.1 "))
    run(test("pass", b""))


def test_a_client_that_resets_ends_the_servers_connection() -> None:
    async def test() -> None:
        ended = asyncio.Event()

        async def watched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            await reader.read()
            ended.set()

        journal = Journal()
        async with server(watched) as upstream, guard(upstream, "pass", journal) as box:
            async with client(box) as (reader, writer):
                assert await reader.readline() == b"220 mx\r\n"
                sock = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                await ended.wait()
        assert len(journal.named("session")) == 1

    run(test())


def rules_on_command(rule: Rule) -> Rulebook:
    return Rulebook("test", command=ByVerb(known=(rule,), unknown=(rule,)))


def test_a_reset_rule_resets_both() -> None:
    async def test() -> None:
        rulebook = rules_on_command(Rule("r", "command", Reset()))
        async with server(ordinary) as upstream, guard(upstream, rulebook) as box, client(box) as (reader, writer):
            assert await reader.readline() == b"220 mx ESMTP\r\n"
            writer.write(b"NOOP\r\n")
            with pytest.raises(ConnectionResetError):
                await reader.read()

    run(test())


def test_slices_arrive_in_reads_of_their_own() -> None:
    async def test() -> None:
        reads: list[bytes] = []
        done = asyncio.Event()

        async def counting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mx\r\n")
            while sum(map(len, reads)) < 6:
                reads.append(await reader.read(100))
            done.set()

        rulebook = rules_on_command(Rule("s", "command", Slice(octets=2, seconds=0.02)))
        async with server(counting) as upstream, guard(upstream, rulebook) as box, client(box) as (reader, writer):
            assert await reader.readline() == b"220 mx\r\n"
            writer.write(b"NOOP\r\n")
            await done.wait()
        assert reads == [b"NO", b"OP", b"\r\n"]

    run(test())


def test_a_delay_holds_the_command_for_its_seconds() -> None:
    async def test() -> None:
        rulebook = rules_on_command(Rule("d", "command", Delay(seconds=0.2)))
        loop = asyncio.get_running_loop()
        async with server(ordinary) as upstream, guard(upstream, rulebook) as box, client(box) as (reader, writer):
            assert await reader.readline() == b"220 mx ESMTP\r\n"
            before = loop.time()
            writer.write(b"NOOP\r\nQUIT\r\n")
            assert await reader.readline() == b"250 ok\r\n"
            assert loop.time() - before >= 0.19  # uvloop's clock counts whole milliseconds
            assert await reader.readline() == b"221 bye\r\n"
            assert loop.time() - before >= 0.39

    run(test())


def test_a_silent_client_is_told_421_at_its_deadline_however_often_it_sends_an_octet() -> None:
    async def test() -> None:
        settings = RelaySettings(linger=1.0, deadlines=DeadlineSettings(command=0.3))
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "pass", journal, settings) as box:
            async with client(box) as (reader, writer):
                assert await reader.readline() == b"220 mx ESMTP\r\n"

                async def trickle() -> None:
                    while True:
                        writer.write(b"x")
                        await asyncio.sleep(0.05)

                trickler = asyncio.create_task(trickle())
                assert (await reader.read()).startswith(b"421 4.4.2 ")
                trickler.cancel()
        assert journal.named("timeout")[0]["which"] == "command"

    run(test())


def test_a_peer_that_never_takes_our_last_words_is_left_after_the_linger() -> None:
    async def test() -> None:
        settings = RelaySettings(linger=0.2, deadlines=DeadlineSettings(command=0.2))
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, "strip-xexch50", journal, settings) as box:
            async with client(box) as (reader, _):
                # The client neither closes nor answers the 421; its connection must not live for ever.
                assert await reader.readline() == b"220 mx ESMTP\r\n"
                await journal.until("session")
                assert box.sessions == 0

    run(test())


def test_every_slice_of_a_payload_leaves_though_only_the_first_was_sent_at_once() -> None:
    async def test() -> None:
        book = Rulebook("slow", payload=ByVerb({"DATA": (Rule("r", "payload", Slice(3, 0.01)),)}))
        async with server(ordinary) as upstream, guard(upstream, book) as box, client(box) as (reader, writer):
            for line in (b"", b"MAIL FROM:<a@b>\r\n", b"RCPT TO:<a@b>\r\n", b"DATA\r\n", b"hello\r\n.\r\n"):
                writer.write(line)
                reply = await reader.readline()
            assert reply == b"250 taken\r\n"

    run(test())


def test_an_upstream_whose_name_is_none_is_a_421() -> None:
    async def test() -> None:
        journal = Journal()
        async with guard(("a..b", 25), journal=journal) as box, client(box) as (reader, _):
            assert (await reader.read()).startswith(b"421 4.4.1 ")
        assert journal.named("upstream-refused")

    run(test())


def test_a_client_that_speaks_before_there_is_a_server_is_heard() -> None:
    """uvloop reads once before it can be paused: the octets went nowhere, and the session stood still."""

    async def test() -> None:
        journal = Journal()
        async with server(ordinary) as upstream, guard(upstream, journal=journal) as box:
            async with client(box) as (reader, writer):
                writer.write(b"EHLO a.example\r\nQUIT\r\n")
                writer.write_eof()
                replies = await reader.read()
                assert [line[:4] for line in replies.splitlines()] == [b"220 ", b"250-", b"250-", b"250 ", b"221 "]
        assert [fields["violation"] for fields in journal.named("violation")] == ["early-talk", "pipelining"]

    run(test())
