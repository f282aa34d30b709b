"""A bridge between two TLS legs on real sockets: inspected in the middle, closed in order, injected into in vain."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from smtpguard.relay.guard import Guard
from smtpguard.relay.settings import RelaySettings
from smtpguard.relay.tls_layer import TlsLayer
from tests.relay.hosts import Journal, client, guard, ordinary, run, server
from tests.relay.tls_hosts import Tls, TlsServer, ask, bridging, client_context, files, reply, server_context


@asynccontextmanager
async def bridge(
    host: TlsServer, settings: RelaySettings, journal: Journal, policy: str = "pass", **more: object
) -> AsyncIterator[Guard]:
    """A guard before ``host``."""
    async with server(host) as upstream, guard(upstream, policy, journal, settings, **more) as box:  # type: ignore[arg-type]
        yield box


async def in_clear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *lines: bytes) -> list[bytes]:
    """The greeting and the replies to ``lines``, one after the other."""
    found = []
    for line in (b"", *lines):
        writer.write(line)
        got = b""
        while not got or got.splitlines()[-1][3:4] == b"-":
            line = await reader.readline()
            got += line
            if not line:
                break
        found.append(got)
    return found


@asynccontextmanager
async def encrypted(box: Guard, name: str | None = None, context: ssl.SSLContext | None = None) -> AsyncIterator[Tls]:
    """A client that has said EHLO and STARTTLS and is in TLS."""
    async with client(box) as (reader, writer):
        *_, ready = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n")
        assert ready.startswith(b"220 "), ready
        yield await Tls(reader, writer, context or client_context(), server_side=False, name=name).handshake()


def body(octets: int) -> bytes:
    """A text of about that length, in lines."""
    line = bytes(range(32, 126)) * 5 + b"\r\n"
    return line * (octets // len(line))


def test_a_message_goes_through_both_legs_octet_for_octet(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box:
            async with encrypted(box) as tls:
                assert b"XEXCH50" in await ask(tls, b"EHLO a.example\r\n")
                assert await ask(tls, b"MAIL FROM:<a@a.example>\r\n") == b"250 ok\r\n"
                assert await ask(tls, b"RCPT TO:<b@b.example>\r\n") == b"250 ok\r\n"
                assert await ask(tls, b"DATA\r\n") == b"354 go\r\n"
                content = body(20_000_000)
                assert await ask(tls, content + b".\r\n") == b"250 taken\r\n"
                assert len(await ask(tls, b"BIG 60000\r\n")) == 60_006
                assert await ask(tls, b"QUIT\r\n") == b"221 bye\r\n"
            await journal.until("session")
        assert host.messages == [content + b".\r\n"]
        assert host.lines[:3] == [b"EHLO a.example\r\n", b"STARTTLS\r\n", b"tls EHLO a.example\r\n"]
        assert [record["side"] for record in journal.named("tls")] == ["server", "client"]
        assert all(record["version"] == "TLSv1.3" for record in journal.named("tls"))
        assert journal.named("tls")[0]["verified"] is True
        assert journal.named("starttls") == [{"session": "1", "outcome": "bridge", "code": 220, "upstream": "tls"}]
        (summary,) = journal.named("session")
        assert (summary["tls"], summary["messages_accepted"], summary["violations"]) == (True, 1, 0)

    run(test())


def test_rules_look_into_tls_and_secrets_stay_out_of_the_journal(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal, "strip-xexch50") as box:
            async with encrypted(box) as tls:
                assert b"XEXCH50" not in await ask(tls, b"EHLO a.example\r\n")
                assert await ask(tls, b"AUTH LOGIN\r\n") == b"334 VXNlcm5hbWU6\r\n"
                assert await ask(tls, b"dXNlcg==\r\n") == b"334 UGFzc3dvcmQ6\r\n"
                assert await ask(tls, b"c2VjcmV0\r\n") == b"235 2.7.0 in\r\n"
                assert await ask(tls, b"QUIT\r\n") == b"221 bye\r\n"
            await journal.until("session")
        assert journal.named("keyword-stripped")[-1]["keyword"] == "XEXCH50"
        assert not any(secret in str(journal) for secret in ("dXNlcg", "c2VjcmV0", "user", "secret"))

    run(test())


def test_a_shadow_follows_into_tls(tmp_path: Path) -> None:
    async def test() -> None:
        from smtpguard.policy.loader import load_policy

        host, journal = TlsServer(server_context(tmp_path)), Journal()
        shadow = load_policy("strip-xexch50", observe=True)
        async with bridge(host, bridging(tmp_path), journal, shadow=shadow) as box:
            async with encrypted(box) as tls:
                await ask(tls, b"EHLO a.example\r\n")
                await ask(tls, b"QUIT\r\n")
            await journal.until("session")
        seen = [record for record in journal.named("keyword-stripped") if record.get("shadow")]
        assert len(seen) == 2
        assert journal.named("session")[0]["shadow"]["followed"] is True  # type: ignore[index]

    run(test())


@pytest.mark.parametrize(
    "asked", ["one.example", "two.example", "sub.wild.example", "ONE.example", "other.example", None]
)
def test_the_certificate_is_chosen_by_the_name_that_is_asked_for(tmp_path: Path, asked: str | None) -> None:
    async def test() -> None:
        host = TlsServer(server_context(tmp_path))
        names = ("one.example", "two.example", "*.wild.example")
        async with bridge(host, bridging(tmp_path, *names), Journal()) as box:
            async with encrypted(box, asked) as tls:
                der = tls.object.getpeercert(binary_form=True)
                expected = {"two.example": "two.example", "sub.wild.example": "*.wild.example"}.get(
                    asked or "", "one.example"
                )
                certificate = files(tmp_path, expected)[0].read_text()
                assert der == ssl.PEM_cert_to_DER_cert(certificate)

    run(test())


# --- ends ------------------------------------------------------------------------------------------------------------


def test_both_legs_end_with_a_close_notify(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box:
            async with encrypted(box) as tls:
                assert await ask(tls, b"EHLO a.example\r\n")
                await tls.write(b"QUIT\r\n")
                assert await reply(tls) == b"221 bye\r\n"
                await tls.notify()
                assert await tls.rest() == b""
                assert (tls.notified, tls.cut) == (True, False)
            await journal.until("session")
        assert host.notified == [True]
        assert journal.named("tls-cut") == []

    run(test())


def test_a_client_that_has_said_all_still_hears_the_answer(tmp_path: Path) -> None:
    """close_notify ends one direction (RFC 8446 6.1): what is on its way back still comes."""

    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box:
            async with encrypted(box) as tls:
                await ask(tls, b"EHLO a.example\r\n")
                await tls.write(b"BIG 50000\r\n")
                await tls.notify()
                assert len(await tls.rest()) == 50_006
                assert tls.notified

    run(test())


def test_a_record_that_is_half_there_when_the_server_ends_still_arrives(tmp_path: Path) -> None:
    async def test() -> None:
        class Ending(TlsServer):
            async def _encrypted(self, tls: Tls, *, greet: bool) -> None:
                self.lines.append(await tls.line())
                await tls.write(b"250 mx.example\r\n")
                await tls.notify()
                self.lines.append(await tls.line())

        host, journal = Ending(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box:
            async with encrypted(box) as tls:
                await tls.write(b"EHLO a.example\r\n")
                tls.object.write(b"NOOP\r\n")
                record = tls._outgoing.read()
                assert await reply(tls) == b"250 mx.example\r\n"
                tls._writer.write(record[:9])
                assert await tls.rest() == b""
                assert tls.notified
                tls._writer.write(record[9:])
                tls._writer.write_eof()
                await journal.until("session")
        assert host.lines[-1] == b"NOOP\r\n"

    run(test())


def test_nobody_is_read_while_a_handshake_goes_on(tmp_path: Path) -> None:
    """A server may say 421 at any time, and again and again: for a client in its handshake that would pile up."""

    async def test() -> None:
        said = 0

        class Chatty(TlsServer):
            async def _encrypted(self, tls: Tls, *, greet: bool) -> None:
                nonlocal said
                while True:
                    await tls.write(b"421 4.3.2 " + b"x" * 500 + b"\r\n")
                    said += 1
                    started.set()

        started = asyncio.Event()
        async with bridge(Chatty(server_context(tmp_path)), bridging(tmp_path), Journal()) as box:
            async with client(box) as (reader, writer):
                *_, ready = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n")
                assert ready.startswith(b"220 ")
                await started.wait()
                before = -1
                while before != said:  # until it can say no more: the sockets are full
                    before = said
                    await asyncio.sleep(0.2)
                (session,) = box._sessions
                layer = session.client.transport
                assert isinstance(layer, TlsLayer)
                assert sum(len(data) for data in layer._waiting) <= 65_536

    run(test())


def test_a_guard_that_stops_says_421_inside_tls_and_closes_in_order(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal) as box:
            async with encrypted(box) as tls:
                await ask(tls, b"EHLO a.example\r\n")
                stop = asyncio.create_task(box.stop(grace=0.0))
                assert (await tls.rest()).startswith(b"421 4.3.2 ")
                assert tls.notified
                await tls.notify()
                tls._writer.write_eof()
                await stop
        assert host.notified == [True]

    run(test())


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


def test_a_server_that_does_not_read_stops_the_client(tmp_path: Path) -> None:
    async def test() -> None:
        class Slow(TlsServer):
            read = asyncio.Event()

            async def _encrypted(self, tls: Tls, *, greet: bool) -> None:
                await Slow.read.wait()
                await super()._encrypted(tls, greet=greet)

        Slow.read = asyncio.Event()
        host = Slow(server_context(tmp_path))
        async with bridge(host, bridging(tmp_path), Journal()) as box:
            async with encrypted(box) as tls:
                sent = 0

                async def pour() -> None:
                    nonlocal sent
                    for _ in range(400):
                        await tls.write(b"NOOP " + b"x" * 100 + b"\r\n" if sent % 2 else b"NOOP\r\n")
                        sent += 1

                await ask_later(tls)
                await pour()
                Slow.read.set()
                for _ in range(401):
                    assert (await reply(tls)).startswith(b"250")
                assert sent == 400

    async def ask_later(tls: Tls) -> None:
        await tls.write(b"EHLO a.example\r\n")

    run(test())


# --- injection -------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("more", "why"), [({"server_name": "other.example"}, "Hostname mismatch"), ({"ca": None}, "self-signed")]
)
def test_a_certificate_that_is_not_accepted_is_a_454(tmp_path: Path, more: dict[str, object], why: str) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path, **more), journal) as box, client(box) as (reader, writer):
            *_, answer = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n")
            assert answer.startswith(b"454 4.7.0 ")
            assert await reader.read() == b""
            await journal.until("session")
        (failed,) = journal.named("starttls")
        assert failed["outcome"] == "failed"
        assert why in str(failed["why"])

    run(test())


def test_without_verification_any_certificate_will_do(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path, "unknown.example")), Journal()
        async with bridge(host, bridging(tmp_path, verify=False), journal) as box, encrypted(box) as tls:
            assert b"250 XEXCH50\r\n" in await ask(tls, b"EHLO a.example\r\n")
        assert journal.named("tls")[0]["verified"] is False

    run(test())


def test_towards_a_server_in_clear_the_guard_offers_tls_itself(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path), offers=False), Journal()
        async with bridge(host, bridging(tmp_path, upstream="none"), journal) as box, encrypted(box) as tls:
            assert (await ask(tls, b"MAIL FROM:<a@a.example>\r\n")).startswith(b"503 5.5.1 ")
            assert b"STARTTLS" not in await ask(tls, b"EHLO b.example\r\n")
            assert await ask(tls, b"MAIL FROM:<a@a.example>\r\n") == b"250 ok\r\n"
        assert host.lines == [b"EHLO a.example\r\n", b"EHLO b.example\r\n", b"MAIL FROM:<a@a.example>\r\n"]
        assert journal.named("starttls")[-1]["upstream"] == "clear"

    run(test())


@pytest.mark.parametrize("then", ["refuse", "clear"])
def test_a_server_without_starttls_is_reached_in_clear_by_setting_only(tmp_path: Path, then: str) -> None:
    async def test() -> None:
        host = TlsServer(server_context(tmp_path), offers=False)
        async with (
            bridge(host, bridging(tmp_path, if_unavailable=then), Journal()) as box,
            client(box) as (reader, writer),
        ):
            _, hello = await in_clear(reader, writer, b"EHLO a.example\r\n")
            assert (b"STARTTLS" in hello) is (then == "clear")

    run(test())


# --- tls from the first octet ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("upstream", ["starttls", "implicit", "none"])
def test_tls_from_the_first_octet(tmp_path: Path, upstream: str) -> None:
    async def test() -> None:
        host = TlsServer(server_context(tmp_path), implicit=upstream == "implicit", offers=upstream != "none")
        journal = Journal()
        settings = bridging(tmp_path, upstream=upstream)
        async with bridge(host, settings, journal, tls_listen=("127.0.0.1", 0)) as box, AsyncExitStack() as stack:
            reader, writer = await asyncio.open_connection("127.0.0.1", box.tls_port)
            stack.callback(writer.transport.abort)
            tls = await Tls(reader, writer, client_context(), server_side=False).handshake()
            greeting = await reply(tls)
            assert greeting == (b"220 mx.example ESMTPS\r\n" if upstream == "implicit" else b"220 mx.example ESMTP\r\n")
            assert b"STARTTLS" not in await ask(tls, b"EHLO a.example\r\n")
            for line in (b"MAIL FROM:<a@a.example>\r\n", b"RCPT TO:<b@b.example>\r\n"):
                assert await ask(tls, line) == b"250 ok\r\n"
            assert await ask(tls, b"DATA\r\n") == b"354 go\r\n"
            assert await ask(tls, b"x\r\n.\r\n") == b"250 taken\r\n"
            assert await ask(tls, b"QUIT\r\n") == b"221 bye\r\n"
            await tls.notify()
            assert await tls.rest() == b""
            await journal.until("session")
        assert host.messages == [b"x\r\n.\r\n"]
        assert journal.named("session")[0]["tls"] is True
        if upstream == "starttls":
            assert host.lines[:3] == [b"EHLO [127.0.0.1]\r\n", b"STARTTLS\r\n", b"tls EHLO [127.0.0.1]\r\n"]

    run(test())


def test_a_server_without_starttls_behind_a_listener_for_tls_is_a_421(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path), offers=False), Journal()
        async with (
            bridge(host, bridging(tmp_path), journal, tls_listen=("127.0.0.1", 0)) as box,
            AsyncExitStack() as stack,
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", box.tls_port)
            stack.callback(writer.transport.abort)
            tls = await Tls(reader, writer, client_context(), server_side=False).handshake()
            assert (await reply(tls)).startswith(b"421 4.4.1 ")
            await journal.until("upstream-failed")
        assert journal.named("upstream-failed")[0]["why"] == "STARTTLS is not offered"

    run(test())


@pytest.mark.parametrize("words", [{"upstream": "none"}, {"if_unavailable": "clear"}])
def test_what_came_encrypted_stays_so_where_the_server_may_be_elsewhere(tmp_path: Path, words: dict[str, str]) -> None:
    """127.1 is no address by its letters: such a server may be anywhere, as one of an intercepted session."""

    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path), offers=False), Journal()
        settings = bridging(tmp_path, **words)
        async with server(host) as (_, port), AsyncExitStack() as stack:
            box = await stack.enter_async_context(
                guard(("127.1", port), "pass", journal, settings, tls_listen=("127.0.0.1", 0))
            )
            reader, writer = await asyncio.open_connection("127.0.0.1", box.tls_port)
            stack.callback(writer.transport.abort)
            tls = await Tls(reader, writer, client_context(), server_side=False).handshake()
            assert (await reply(tls)).startswith(b"421 4.4.1 ")
            async with client(box) as (other, hand):
                _, hello = await in_clear(other, hand, b"EHLO a.example\r\n")
                assert b"STARTTLS" not in hello
        assert len(journal.named("upstream-failed")) == 1

    run(test())


def test_a_client_in_clear_on_a_listener_for_tls_is_cut_off(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        async with bridge(host, bridging(tmp_path), journal, tls_listen=("127.0.0.1", 0)) as box:
            reader, writer = await asyncio.open_connection("127.0.0.1", box.tls_port)
            writer.write(b"EHLO a.example\r\n")
            assert await read_to_the_end(reader) == b""
            writer.close()
            await journal.until("session")
        assert journal.named("tls-failed")[0]["in_clear"] is True
        assert host.lines == []

    run(test())


def test_a_handshake_that_never_comes_has_a_deadline(tmp_path: Path) -> None:
    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path)), Journal()
        settings = bridging(tmp_path, handshake=0.2)
        async with bridge(host, settings, journal, tls_listen=("127.0.0.1", 0)) as box:
            reader, writer = await asyncio.open_connection("127.0.0.1", box.tls_port)
            assert await read_to_the_end(reader) == b""
            writer.close()
            async with client(box) as (other, hand):
                *_, ready = await in_clear(other, hand, b"EHLO a.example\r\n", b"STARTTLS\r\n")
                assert ready.startswith(b"220 ")
                assert await other.read() == b""
            await journal.until("session", 2)
        assert "0.2 s" in str(journal.named("tls-failed")[0]["why"])
        assert journal.named("starttls")[-1]["outcome"] == "failed"

    run(test())


async def read_to_the_end(reader: asyncio.StreamReader) -> bytes:
    """What comes before the end, in order or by reset."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""


# --- certificates are swapped ----------------------------------------------------------------------------------------


def test_certificates_are_swapped_for_the_next_handshake_only(tmp_path: Path) -> None:
    async def test() -> None:
        from smtpguard.relay.tls_contexts import load_contexts

        host, journal = TlsServer(server_context(tmp_path)), Journal()
        settings = bridging(tmp_path, "one.example")
        async with bridge(host, settings, journal) as box, encrypted(box) as old:
            box.swap_tls(load_contexts(bridging(tmp_path, "two.example").tls))
            async with encrypted(box) as new:
                ders = [tls.object.getpeercert(binary_form=True) for tls in (old, new)]
                names = ("one.example", "two.example")
                assert ders == [ssl.PEM_cert_to_DER_cert(files(tmp_path, name)[0].read_text()) for name in names]
                assert (await ask(old, b"EHLO a.example\r\n")).startswith(b"250")
                assert (await ask(new, b"EHLO a.example\r\n")).startswith(b"250")
        assert journal.named("violation") == []

    run(test())


@pytest.mark.parametrize(("mode", "code"), [("refuse", b"454"), ("strip", b"502"), ("tunnel", b"220")])
def test_the_other_modes(tmp_path: Path, mode: str, code: bytes) -> None:
    async def test() -> None:
        host = TlsServer(server_context(tmp_path))
        settings = RelaySettings.model_validate({"linger": 1.0, "tls": {"mode": mode}})
        async with bridge(host, settings, Journal()) as box, client(box) as (reader, writer):
            _, hello, answer = await in_clear(reader, writer, b"EHLO a.example\r\n", b"STARTTLS\r\n")
            assert (b"STARTTLS" in hello) is (mode != "strip")
            assert answer[:3] == code

    run(test())


def test_an_ordinary_server_behind_a_guard_with_certificates_is_as_ever(tmp_path: Path) -> None:
    async def test() -> None:
        server_context(tmp_path)
        async with server(ordinary) as upstream, guard(upstream, settings=bridging(tmp_path)) as box:
            async with client(box) as (reader, writer):
                _, hello = await in_clear(reader, writer, b"EHLO a.example\r\n")
                assert hello == b"250-mx\r\n250-PIPELINING\r\n250 XEXCH50\r\n"

    run(test())


def test_certificates_swapped_under_load_fail_no_session(tmp_path: Path) -> None:
    async def test() -> None:
        from smtpguard.relay.tls_contexts import load_contexts

        host, journal = TlsServer(server_context(tmp_path)), Journal()
        pairs = [bridging(tmp_path, name).tls for name in ("one.example", "two.example")]
        sessions, swaps = 60, 0
        over = asyncio.Event()

        async def talk(number: int) -> None:
            async with encrypted(box) as tls:
                await ask(tls, b"EHLO a.example\r\n")
                for line in (b"MAIL FROM:<a@a.example>\r\n", b"RCPT TO:<b@b.example>\r\n"):
                    assert await ask(tls, line) == b"250 ok\r\n"
                assert await ask(tls, b"DATA\r\n") == b"354 go\r\n"
                assert await ask(tls, b"%d\r\n.\r\n" % number) == b"250 taken\r\n"
                assert await ask(tls, b"QUIT\r\n") == b"221 bye\r\n"

        async def swap() -> None:
            nonlocal swaps
            while not over.is_set():
                box.swap_tls(load_contexts(pairs[swaps % 2]))
                swaps += 1
                await asyncio.sleep(0.001)

        async with bridge(host, bridging(tmp_path, "one.example"), journal) as box:
            swapping = asyncio.create_task(swap())
            await asyncio.gather(*(talk(number) for number in range(sessions)))
            over.set()
            await swapping
        assert sorted(host.messages) == sorted(b"%d\r\n.\r\n" % number for number in range(sessions))
        assert swaps > 10
        assert journal.named("violation") == []
        assert all(record["outcome"] == "bridge" for record in journal.named("starttls"))

    run(test())
