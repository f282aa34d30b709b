"""The receiving host: its port, its sinks, its tap, and STARTTLS from end to end."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Coroutine

import pytest

from smtpguard.lab.capture.tap import Leg
from smtpguard.lab.clock import run_virtual
from smtpguard.lab.errors import LabError
from smtpguard.lab.receiver.host import ReceiverHost
from tests.lab.hosts import converse, receiving


class Recorder:
    """A tap that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def opened(self, leg: Leg, number: int, time: float) -> None:
        self.heard.append(("opened", leg, number))

    def said(self, leg: Leg, number: int, time: float, data: bytes, *, from_client: bool) -> None:
        self.heard.append(("client" if from_client else "server", number, data))

    def closed(self, leg: Leg, number: int, time: float, *, from_client: bool) -> None:
        self.heard.append(("closed", number, from_client))

    def stream(self, side: str) -> bytes:
        return b"".join(bytes(row[2]) for row in self.heard if row[0] == side)  # type: ignore[call-overload]


async def under_tls(port: int, first: bytes, then: bytes) -> bytes:
    """Send ``first``, one command at a time, the last of them STARTTLS; then ``then`` under TLS, up to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readuntil(b"\r\n")
    for line in first.splitlines(keepends=True):
        writer.write(line)
        while (await reader.readuntil(b"\r\n"))[3:4] == b"-":
            pass
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    await writer.start_tls(context)
    writer.write(then)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_a_port_that_is_taken_is_one_line() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            async with receiving() as host:
                other = ReceiverHost(host.settings, host.profile, host.calendar, host.events, host.rng, port=port)
                with pytest.raises(
                    LabError,
                    match=rf"^receiver 127\.0\.0\.1:{port}: can't listen there: Address already in use; choose",
                ):
                    await other.start()
                await other.stop()

    run_virtual(main)


def test_a_sink_counts_from_the_next_connection_on() -> None:
    async def main() -> list[bool]:
        async with receiving() as host:
            reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
            await reader.readuntil(b"\r\n")
            host.unregister("peexch50.dll")
            writer.write(b"EHLO a\r\nQUIT\r\n")
            old = await reader.read()
            writer.close()
            await writer.wait_closed()
            new = await converse(host.port, b"EHLO a\r\n")
            host.register("peexch50.dll")
            again = await converse(host.port, b"EHLO a\r\n")
        return [b"250-XEXCH50\r\n" in answer for answer in (old, new, again)]

    assert run_virtual(main) == [True, False, True]


def test_a_sink_that_the_system_has_not_is_one_line() -> None:
    async def main() -> None:
        with pytest.raises(LabError, match="profile iis has no event sink exps \\(it has none\\)"):
            async with receiving("iis", unregistered=("exps",)):
                pass

    run_virtual(main)


def test_the_tap_hears_both_sides_and_the_end() -> None:
    async def main() -> tuple[Recorder, bytes]:
        tap = Recorder()
        async with receiving(tap=tap) as host:
            answer = await converse(host.port, b"NOOP\r\nQUIT\r\n")
            await converse(host.port, b"NOOP\r\n")
        return tap, answer

    tap, answer = run_virtual(main)
    assert tap.heard[0] == ("opened", "receiver", 1)
    first = [row for row in tap.heard if 1 in row[1:]]
    assert b"".join(bytes(row[2]) for row in first if row[0] == "server") == answer  # type: ignore[call-overload]
    assert ("client", 1, b"NOOP\r\nQUIT\r\n") in tap.heard
    assert [row[1] for row in tap.heard if row[0] == "closed"] == [1, 2]
    assert tap.heard[-1] == ("closed", 2, True)


@pytest.mark.parametrize("from_client", [False, True])
def test_the_tap_hears_whose_end_it_was(from_client: bool) -> None:
    async def main() -> Recorder:
        tap = Recorder()
        async with receiving(tap=tap) as host:
            reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
            await reader.readuntil(b"\r\n")
            if from_client:
                writer.transport.abort()
                await asyncio.sleep(1)
            else:
                assert await reader.read() == b""  # idle until the receiver has had enough
            writer.close()
            if not from_client:
                await writer.wait_closed()
        return tap

    assert run_virtual(main).heard[-1] == ("closed", 1, from_client)


def virtual(
    part: Callable[[ReceiverHost, Recorder], Coroutine[object, object, bytes]],
) -> tuple[bytes, ReceiverHost, Recorder]:
    """Run ``part`` against a receiver with a certificate; nothing may be left behind."""

    async def main() -> tuple[bytes, ReceiverHost, Recorder]:
        tap = Recorder()
        async with receiving("sbs-2003", tap=tap, users={"relay": "pw"}) as host:
            answer = await part(host, tap)
            await asyncio.sleep(60)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return answer, host, tap

    return run_virtual(main)


def test_a_message_under_tls() -> None:
    then = (
        b"EHLO a\r\nMAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\n"
        b"BDAT 200000 LAST\r\n" + b"\x00x\r\n" * 50_000 + b"QUIT\r\n"
    )
    answer, host, tap = virtual(lambda host, tap: under_tls(host.port, b"EHLO a\r\nSTARTTLS\r\n", then))
    assert b"STARTTLS" not in answer
    assert answer.endswith(b"221 2.0.0 mx1.example.net Service closing transmission channel\r\n")
    (message,) = host.mailbox.messages
    assert (message.content, message.tls) == (b"\x00x\r\n" * 50_000, True)
    assert tap.stream("client") == b"EHLO a\r\nSTARTTLS\r\n"
    assert tap.stream("server").endswith(b"220 2.0.0 Ready to start TLS\r\n")
    names = [event.event for event in host.events.ordered()]
    assert names == ["connected", "tls-started", "message-stored", "disconnected"]


def test_what_was_said_in_clear_is_forgotten() -> None:
    login = b"AUTH LOGIN\r\ncmVsYXk=\r\ncHc=\r\n"
    then = b"TURN\r\nRCPT TO:<bob@example.net>\r\nQUIT\r\n"
    first = login + b"MAIL FROM:<a@example.com>\r\nSTARTTLS\r\n"
    answer, _, _ = virtual(lambda host, tap: under_tls(host.port, first, then))
    assert answer.splitlines()[:2] == [b"530 5.7.0 Authentication required", b"503 5.5.1 Bad sequence of commands"]


def test_octets_in_clear_behind_starttls_are_no_commands() -> None:
    async def part(host: ReceiverHost, tap: Recorder) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
        await reader.readuntil(b"\r\n")
        writer.write(b"STARTTLS\r\nMAIL FROM:<eve@example.com>\r\n")
        await reader.readuntil(b"\r\n")
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        await writer.start_tls(context)
        writer.write(b"RCPT TO:<bob@example.net>\r\nQUIT\r\n")
        answer = await reader.readuntil(b"\r\n")
        writer.close()
        await writer.wait_closed()
        return answer

    assert virtual(part)[0] == b"503 5.5.1 Bad sequence of commands\r\n"


async def starting_tls(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client that has been told to begin its handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readuntil(b"\r\n")
    writer.write(b"STARTTLS\r\n")
    await reader.readuntil(b"\r\n")
    return reader, writer


async def rest_of(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    """What still comes; the connection is closed then."""
    rest = await reader.read()
    writer.close()
    await writer.wait_closed()
    return rest


def test_a_handshake_that_is_none_ends_the_session() -> None:
    async def part(host: ReceiverHost, tap: Recorder) -> bytes:
        reader, writer = await starting_tls(host.port)
        writer.write(b"NOOP\r\n" * 20)
        return await rest_of(reader, writer)

    _, host, _ = virtual(part)
    assert [event.event for event in host.events.ordered()] == ["connected", "tls-failed", "disconnected"]


def test_a_peer_that_is_silent_in_the_handshake_is_given_up() -> None:
    async def part(host: ReceiverHost, tap: Recorder) -> bytes:
        reader, writer = await starting_tls(host.port)
        return await rest_of(reader, writer)

    answer, host, _ = virtual(part)
    assert answer == b""
    assert "tls-failed" in [event.event for event in host.events.ordered()]


def test_the_end_of_the_lab_is_the_end_of_a_handshake() -> None:
    async def main() -> bytes:
        async with receiving("sbs-2003") as host:
            reader, writer = await starting_tls(host.port)
            await asyncio.sleep(5)
        rest = await rest_of(reader, writer)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return rest

    assert run_virtual(main) == b""


def test_the_end_of_the_lab_is_the_end_of_a_session_under_tls() -> None:
    async def main() -> None:
        async with receiving("sbs-2003") as host:
            talk = asyncio.create_task(under_tls(host.port, b"STARTTLS\r\n", b"NOOP\r\n"))
            await asyncio.sleep(5)
        assert await talk == b"250 2.0.0 OK\r\n"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main)
