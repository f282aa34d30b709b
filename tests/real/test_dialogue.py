"""A whole session's replies through the guard are Postfix's own, octet for octet, errors included."""

from __future__ import annotations

import re

import pytest

from tests.real.guard_process import GuardProcess, select
from tests.real.postfix_instance import PrivatePostfix
from tests.real.raw_client import RawClient

pytestmark = pytest.mark.real

COMMANDS = (
    b"EHLO client.example",
    b"HELO client.example",
    b"EHLO client.example",
    b"NOOP",
    b"noop with words",
    b"VRFY someone@test.example",
    b"EXPN list",
    b"HELP",
    b"DATA",
    b"RCPT TO:<someone@test.example>",
    b"MAIL FROM:<a@b.example> SIZE=100",
    b"MAIL FROM:<a@b.example>",
    b"RCPT TO:<someone@elsewhere.example>",
    b"DATA",
    b"RSET",
    b"MAIL FROM:<>",
    b"MAIL FROM:<a@b.example> NOSUCH=1",
    b"MAIL",
    b"ETRN test.example",
    b"AUTH PLAIN",
    b"STARTTLS",
    b"FOO bar",
    b"X" * 400,
    b"QUIT",
)
QUEUE_ID = re.compile(rb"\b[0-9A-F]{9,}\b")


def replies(address: tuple[str, int], commands: tuple[bytes, ...]) -> list[bytes]:
    """The greeting and the reply to each command, with queue ids made alike."""
    with RawClient(address) as client:
        return [QUEUE_ID.sub(b"ID", reply) for reply in (client.reply(), *map(client.ask, commands), client.reply())]


@pytest.mark.parametrize("policy", ["pass", "strip-xexch50"])
def test_replies_are_the_servers_own(postfix: PrivatePostfix, policy: str) -> None:
    guard = GuardProcess(postfix.address, policy)
    try:
        through = replies(guard.address, COMMANDS)
        [summary] = guard.sessions(1)
        guard.stop()
    finally:
        guard.close()
    straight = replies(postfix.address, COMMANDS)
    assert through == straight
    assert straight[-2].startswith(b"221 ")
    assert summary["commands"] == len(COMMANDS)
    assert summary["octets_from_client"] == sum(len(command) + 2 for command in COMMANDS)
    assert summary["octets_from_server"] == sum(map(len, straight))


def test_xexch50_is_the_servers_to_refuse_under_pass(postfix: PrivatePostfix) -> None:
    """A server without the verb says 5xx, and the octets behind it are commands again."""
    commands = (b"EHLO client.example", b"XEXCH50 1020 2", b"NOOP", b"QUIT")
    guard = GuardProcess(postfix.address, "pass")
    try:
        through = replies(guard.address, commands)
        journal = guard.stop()
    finally:
        guard.close()
    assert through == replies(postfix.address, commands)
    refusal = int(through[2][:3])
    assert 500 <= refusal <= 502  # Postfix has changed its mind about the code
    [attempt] = select(journal, "xexch50")
    assert (attempt["size"], attempt["code"], attempt["completed"]) == (1020, refusal, False)
