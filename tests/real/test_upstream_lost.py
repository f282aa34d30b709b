"""The server dies behind the guard: the client is told, and what was acknowledged is there when it comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.real.contents import message, stuffed
from tests.real.guard_process import GuardProcess, select
from tests.real.postfix_instance import PrivatePostfix
from tests.real.private_server import until
from tests.real.raw_client import RawClient

pytestmark = pytest.mark.real


@pytest.fixture
def guard(own_postfix: PrivatePostfix) -> Iterator[GuardProcess]:
    """A guard in front of a Postfix that the test may break."""
    process = GuardProcess(own_postfix.address, "pass")
    yield process
    process.close()


def test_between_commands(own_postfix: PrivatePostfix, guard: GuardProcess) -> None:
    with RawClient(guard.address) as client:
        client.greet()
        own_postfix.kill()
        assert client.code() in (421, 0)
    guard.sessions(1)
    guard.stop()


def test_inside_a_text(own_postfix: PrivatePostfix, guard: GuardProcess, mailbox: str) -> None:
    whole, cut = message(20_000, 1), message(200_000, 2)
    with RawClient(guard.address) as client:
        client.greet()
        client.envelope(mailbox)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(stuffed(whole))
        assert client.code() == 250
        client.envelope(mailbox)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(stuffed(cut)[:100_000])
        own_postfix.kill()
        assert client.code() in (421, 0)
    guard.sessions(1)
    accepted = [line for line in select(guard.stop(), "message") if line["accepted"]]
    assert len(accepted) == 1
    own_postfix.start()
    assert set(own_postfix.wait_for(mailbox, 1)) == {whole}


def test_a_client_that_comes_meanwhile_is_told_to_come_back(
    own_postfix: PrivatePostfix, guard: GuardProcess, mailbox: str
) -> None:
    own_postfix.kill()
    with RawClient(guard.address) as client:
        assert client.reply().startswith(b"421 ")
        assert client.reply() == b""
    own_postfix.start()
    content = message(1_000)
    with RawClient(guard.address) as client:
        client.greet()
        client.envelope(mailbox)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(stuffed(content))
        assert client.code() == 250
        client.bye()
    assert own_postfix.wait_for(mailbox, 1) == [content]
    guard.sessions(2)
    guard.stop()


def test_under_load_nothing_acknowledged_is_lost(
    own_postfix: PrivatePostfix, guard: GuardProcess, mailbox: str
) -> None:
    """Ten sessions deliver without a pause; after the 60th 250 the server's power is cut."""
    acknowledged: list[bytes] = []
    enough = asyncio.Event()

    async def deliver(number: int) -> None:
        reader, writer = await asyncio.open_connection(*guard.address)

        async def ask(octets: bytes, code: bytes) -> bool:
            writer.write(octets)
            while (line := await reader.readline())[3:4] == b"-":
                pass
            return line.startswith(code)

        try:
            going = await ask(b"", b"220") and await ask(b"EHLO client.example\r\n", b"250")
            seed = number * 1_000
            while going:
                content = message(8_000, seed := seed + 1)
                going = (
                    await ask(b"MAIL FROM:<sender@client.example>\r\n", b"250")
                    and await ask(b"RCPT TO:<" + mailbox.encode() + b">\r\n", b"250")
                    and await ask(b"DATA\r\n", b"354")
                    and await ask(stuffed(content), b"250")
                )
                if going:
                    acknowledged.append(content)
                if len(acknowledged) >= 60:
                    enough.set()
        except ConnectionError:
            pass
        finally:
            writer.transport.abort()

    async def everyone() -> None:
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            for number in range(10):
                group.create_task(deliver(number))
            await enough.wait()
            await asyncio.to_thread(own_postfix.kill)

    asyncio.run(everyone())
    guard.sessions(10)
    accepted = [line for line in select(guard.stop(), "message") if line["accepted"]]
    assert len(accepted) >= len(acknowledged) >= 60
    own_postfix.start()
    lost = set(acknowledged)
    until(lambda: not lost.difference(own_postfix.messages(mailbox)), 60, "every acknowledged message")
