"""Much at once: a message of 50 MB, and 200 sessions side by side."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest

from tests.real.conftest import Route
from tests.real.contents import message, stuffed
from tests.real.postfix_instance import PrivatePostfix
from tests.real.raw_client import RawClient

pytestmark = pytest.mark.real

BIG = 50_000_000
SESSIONS = 200


def fingerprint(content: bytes) -> tuple[int, str]:
    """Length and digest: a difference in 50 MB is not worth printing."""
    return len(content), sha256(content).hexdigest()


@pytest.fixture(scope="module")
def big() -> bytes:
    """The 50 MB."""
    return message(BIG, eight_bit=True)


@pytest.mark.parametrize("verb", ["DATA", "BDAT"])
def test_fifty_megabytes(route: Route, postfix: PrivatePostfix, mailbox: str, big: bytes, verb: str) -> None:
    with RawClient(route.address) as client:
        client.greet()
        client.envelope(mailbox, b"BODY=8BITMIME")
        if verb == "DATA":
            assert client.ask(b"DATA").startswith(b"354 ")
            client.send(stuffed(big))
        else:
            client.send(b"BDAT %d LAST\r\n" % len(big) + big)
        assert client.code() == 250
        client.bye()
    assert [fingerprint(content) for content in postfix.wait_for(mailbox, 1)] == [fingerprint(big)]
    for accepted in route.account(sessions=1, messages=1):
        assert accepted["size"] == (len(stuffed(big)) - len(b".\r\n") if verb == "DATA" else len(big))


async def one_session(address: tuple[str, int], mailbox: str, content: bytes, everyone: asyncio.Barrier) -> None:
    """Say EHLO, wait until all the others have, then deliver ``content``."""
    reader, writer = await asyncio.open_connection(*address)

    async def expect(code: bytes) -> None:
        while True:
            line = await reader.readline()
            assert line.startswith(code), line
            if line[3:4] == b" ":
                return

    try:
        await expect(b"220")
        writer.write(b"EHLO client.example\r\n")
        await expect(b"250")
        await everyone.wait()
        writer.write(b"MAIL FROM:<sender@client.example>\r\nRCPT TO:<" + mailbox.encode() + b">\r\nDATA\r\n")
        await expect(b"250")
        await expect(b"250")
        await expect(b"354")
        writer.write(stuffed(content) + b"QUIT\r\n")
        await writer.drain()
        await expect(b"250")
        await expect(b"221")
        assert await reader.read() == b""
    finally:
        writer.close()
        await writer.wait_closed()


def test_two_hundred_sessions_at_once(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    contents = [message(5_000 + 50 * seed, seed) for seed in range(SESSIONS)]

    async def all_of_them() -> None:
        everyone = asyncio.Barrier(SESSIONS)
        async with asyncio.timeout(120), asyncio.TaskGroup() as group:
            for content in contents:
                group.create_task(one_session(route.address, mailbox, content, everyone))

    asyncio.run(all_of_them())
    assert sorted(postfix.wait_for(mailbox, SESSIONS)) == sorted(contents)
    accepted = route.account(sessions=SESSIONS, messages=SESSIONS)
    if route.guard is not None:
        assert len({line["session"] for line in accepted}) == SESSIONS
        assert sum(line["size"] for line in accepted) == sum(len(stuffed(content)) - 3 for content in contents)
