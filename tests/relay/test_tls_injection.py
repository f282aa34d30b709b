"""What is slipped in around the handshakes of a bridge, or cut off there, reaches nobody and is recorded."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from smtpguard.relay.tls_layer import TlsLayer
from tests.relay.hosts import Journal, client, run
from tests.relay.tls_bridging import bridge, encrypted, in_clear
from tests.relay.tls_hosts import Tls, TlsServer, ask, bridging, server_context


def test_a_fin_without_close_notify_is_recorded(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box:
            async with encrypted(box) as tls:
                await ask(tls, b"EHLO a.example\r\n")
                tls._writer.write_eof()
                await journal.until("session")
        assert journal.named("tls-cut") == [{"session": "1", "side": "client"}]

    run(test())


def test_a_broken_record_ends_the_session(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box:
            async with encrypted(box) as tls:
                await ask(tls, b"EHLO a.example\r\n")
                tls._writer.write(b"\x17\x03\x03\x00\x20" + b"x" * 32)
                await journal.until("session")
        assert host.lines[-1] == b"tls EHLO a.example\r\n"

    run(test())


# --- back-pressure ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("behind", [b"RSET\r\n", b"R"])
def test_a_command_behind_starttls_reaches_nobody(tmp_path: Path, behind: bytes) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box, client(box) as (reader, writer):
            *_, answer = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n" + behind)
            assert answer.startswith(b"421 4.5.0 ")
            assert await reader.read() == b""
            await journal.until("session")
        assert journal.named("violation")[0]["violation"] == "starttls-injection"
        assert host.lines == [b"EHLO a.example\r\n", b"STARTTLS\r\n"]

    run(test())


def test_clear_text_in_place_of_the_clients_hello_is_an_injection(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box, client(box) as (reader, writer):
            *_, ready = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n")
            assert ready == b"220 2.0.0 go\r\n"
            writer.write(b"RSET\r\n")
            assert await reader.read() == b""
            await journal.until("session")
        assert journal.named("violation")[0]["violation"] == "starttls-injection"
        assert not any(line.startswith(b"tls") for line in host.lines)

    run(test())


def test_nothing_is_kept_of_what_follows_a_failed_handshake(tmp_path: Path) -> None:
    async def test() -> None:
        journal = Journal()
        async with bridge(TlsServer(server_context(tmp_path)), bridging(tmp_path), journal) as box:
            async with client(box) as (reader, writer):
                *_, ready = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n")
                assert ready == b"220 2.0.0 go\r\n"
                (session,) = box._sessions
                layer = session.client.transport
                assert isinstance(layer, TlsLayer)
                writer.write(b"\x16\x03\x01\x00\x05" + b"x" * 5)
                await reader.read()  # an alert, and the guard's FIN: from here on it waits for ours
                with suppress(ConnectionError):
                    for _ in range(500):
                        writer.write(b"x" * 65_536)
                        await writer.drain()
                assert layer._incoming.pending <= 65_536
            await journal.until("session")

    run(test())


def test_nothing_is_kept_of_what_follows_a_close_notify(tmp_path: Path) -> None:
    async def test() -> None:
        class Silent(TlsServer):
            async def _encrypted(self, tls: Tls, *, greet: bool) -> None:
                await asyncio.Event().wait()

        async with bridge(Silent(server_context(tmp_path)), bridging(tmp_path), Journal()) as box:
            async with encrypted(box) as tls:
                (session,) = box._sessions
                layer = session.client.transport
                assert isinstance(layer, TlsLayer)
                await tls.notify()
                with suppress(ConnectionError):
                    for _ in range(500):
                        tls._writer.write(b"x" * 65_536)
                        await tls._writer.drain()
                assert layer._incoming.pending <= 65_536

    run(test())


@pytest.mark.parametrize("behind", [b"250 injected\r\n", b"2"])
def test_a_reply_behind_the_220_reaches_nobody(tmp_path: Path, behind: bytes) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        host.behind_220 = behind
        async with bridge(host, bridging(tmp_path), journal) as box, client(box) as (reader, writer):
            *_, answer = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n")
            assert answer.startswith(b"421 4.5.0 ")
            await journal.until("session")
        assert journal.named("violation")[0]["violation"] == "starttls-reply-injection"

    run(test())


def test_a_client_that_ends_behind_starttls_ends_the_handshake_with_the_server(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box, client(box) as (reader, writer):
            await in_clear(reader, writer, b"EHLO a.example\r\n")
            writer.write(b"STARTTLS\r\n")
            writer.write_eof()
            assert (await reader.read()).startswith(b"454 4.7.0 ")
            await journal.until("session")
        assert journal.named("starttls")[0]["outcome"] == "failed"

    run(test())


def test_clear_text_in_place_of_the_servers_hello_is_an_injection(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        host.in_place_of_tls = b"250 injected\r\n"
        async with bridge(host, bridging(tmp_path), journal) as box, client(box) as (reader, writer):
            *_, answer = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n")
            assert answer.startswith(b"421 4.5.0 ")
            await journal.until("session")
        assert journal.named("violation")[0]["violation"] == "starttls-reply-injection"

    run(test())


# --- the server's leg ------------------------------------------------------------------------------------------------
