"""Each case over real sockets: a guard, a server that says what the case wants, then one that counts what it obeys."""

from __future__ import annotations

import asyncio

import pytest

from smtpguard.policy.rulebook import Rulebook
from tests.playbook.rulebooks import shipped
from tests.protection.cases import CASES, Case, Client
from tests.protection.receiver import Receiver
from tests.protection.test_cases import OPENINGS
from tests.relay.hosts import Journal, client, guard, run, server

ORDINARY = (b"RSET", b"MAIL FROM:<a@a.example>", b"RCPT TO:<b@b.example>")
MESSAGE = b"Subject: after all that\r\n\r\nHello\r\n"
EVERY = [(case, policy) for case in CASES for policy in case.policies]


def rulebook(policy: str, peer: str) -> Rulebook:
    """The policy for a client on loopback that is inside, or is not."""
    inside = "127.0.0.0/8" if peer == "internal" else "192.0.2.0/24"
    return shipped(f"summary: a test\nextends: {policy}\nnetworks: {{internal: {inside}}}\n")


@pytest.mark.parametrize(("case", "policy"), EVERY, ids=[f"{case.name}, {policy}" for case, policy in EVERY])
def test_an_ordinary_transaction_follows_or_the_end_with_a_record(case: Case, policy: str) -> None:
    receiver = Receiver()
    journal = Journal()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for line, reply in OPENINGS[case.opening]:
            assert await reader.readexactly(len(line)) == line
            writer.write(reply)
        for step in case.steps:
            if not isinstance(step, Client):
                writer.write(step.octets)
            if step.reaches:
                assert await reader.readexactly(len(step.reaches)) == step.reaches
        while not receiver.gone and (data := await reader.read(65_536)):
            writer.write(receiver.receive(data))
            await writer.drain()

    async def test() -> None:
        book = rulebook(policy, case.peer)
        async with server(talk) as upstream, guard(upstream, book, journal) as box, client(box) as (reader, writer):
            for line, reply in OPENINGS[case.opening]:
                writer.write(line)
                assert await reader.readexactly(len(reply)) == reply
            for step in case.steps:
                if isinstance(step, Client):
                    writer.write(step.octets)
                if step.sees:
                    assert await reader.readexactly(len(step.sees)) == step.sees
            if case.goes_on:
                await _ordinary(reader, writer)
            assert await reader.read() == b""
            writer.close()
            await journal.until("session")

    run(test())
    for event, name in case.records:
        found = journal.named(event)
        assert any(name in (fields.get("violation"), fields.get("rule"), "") for fields in found), (event, name)
    if case.goes_on:
        assert receiver.commands == [*ORDINARY, b"DATA", b"QUIT"]
        assert receiver.messages == [MESSAGE.removesuffix(b"\r\n")]
    else:
        assert receiver.commands == []
        assert receiver.messages == []


async def _ordinary(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for line in ORDINARY:
        writer.write(line + b"\r\n")
        assert await reader.readline() == b"250 2.0.0 " + line.split()[0] + b" OK\r\n"
    writer.write(b"DATA\r\n")
    assert await reader.readline() == b"354 Go\r\n"
    writer.write(MESSAGE + b".\r\n")
    assert await reader.readline() == b"250 2.0.0 Taken\r\n"
    writer.write(b"QUIT\r\n")
    assert await reader.readline() == b"221 2.0.0 Bye\r\n"
