"""A bridge between two TLS legs on real sockets: inspected in the middle, closed in order, injected into in vain."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from smtpguard.relay.tls_layer import TlsLayer
from tests.relay.hosts import Journal, client, run
from tests.relay.tls_bridging import body, bridge, encrypted, in_clear
from tests.relay.tls_hosts import Tls, TlsServer, ask, bridging, files, reply, server_context


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
