"""What a listener's terms and certificates decide: towards which server, for which client, from which octet on."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from smtpguard.relay.settings import FailureSettings, RelaySettings
from tests.relay.hosts import Journal, client, guard, ordinary, run, server
from tests.relay.tls_bridging import bridge, encrypted, in_clear, read_to_the_end
from tests.relay.tls_hosts import Tls, TlsServer, ask, bridging, client_context, files, reply, server_context


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


@pytest.mark.parametrize("words", [{"upstream": "none"}, {"if_unavailable": "clear"}])
def test_no_tls_of_its_own_where_a_second_server_may_be_elsewhere(tmp_path: Path, words: dict[str, str]) -> None:
    """The upstream is on loopback and can't be reached; the second is called by a name that may lead anywhere."""

    async def test() -> None:
        host, journal = TlsServer(server_context(tmp_path), offers=False), Journal()
        with socket.create_server(("127.0.0.1", 0)) as closed:
            nobody = closed.getsockname()[:2]
        async with server(host) as (_, port):
            failure = FailureSettings(second_upstream=f"127.1:{port}")
            settings = bridging(tmp_path, **words).model_copy(update={"failure": failure})
            async with guard(nobody, "pass", journal, settings) as box, client(box) as (reader, writer):
                *_, offered = await in_clear(reader, writer, b"EHLO a.example\r\n")
                assert offered.startswith(b"250")
                assert b"STARTTLS" not in offered

    run(test())
