"""BDAT (RFC 3030) through the guard to a real Postfix, octet by octet from a client of our own."""

from __future__ import annotations

import pytest

from tests.real.conftest import Route
from tests.real.contents import message
from tests.real.postfix_instance import PrivatePostfix
from tests.real.raw_client import RawClient

pytestmark = pytest.mark.real


def chunks(content: bytes, octets: int) -> list[bytes]:
    """``content`` as BDAT commands with their octets; the last one says LAST."""
    parts = [content[start : start + octets] for start in range(0, len(content), octets)]
    marks = [b""] * (len(parts) - 1) + [b" LAST"]
    return [b"BDAT %d%s\r\n" % (len(part), mark) + part for part, mark in zip(parts, marks, strict=True)]


def test_one_chunk(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    content = message(5_000)
    with RawClient(route.address) as client:
        client.greet()
        client.envelope(mailbox)
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        assert client.code() == 250
        client.bye()
    assert postfix.wait_for(mailbox, 1) == [content]
    for accepted in route.account(sessions=1, messages=1):
        assert accepted["verb"] == "BDAT"
        assert accepted["size"] == len(content)


def test_chunks_that_wait_for_their_replies(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    content = message(40_000, eight_bit=True)
    with RawClient(route.address) as client:
        client.greet()
        client.envelope(mailbox, b"BODY=8BITMIME")
        for chunk in chunks(content, 7_777):
            client.send(chunk)
            assert client.code() == 250
        client.bye()
    assert postfix.wait_for(mailbox, 1) == [content]
    for accepted in route.account(sessions=1, messages=1):
        assert accepted["size"] == len(content)


@pytest.mark.parametrize("octets", [1_000, 65_536, 100_000])
def test_everything_pipelined(route: Route, postfix: PrivatePostfix, mailbox: str, octets: int) -> None:
    """MAIL, RCPT and every chunk in one go, as Exchange and Exim do."""
    content = message(300_000, octets)
    parts = chunks(content, octets)
    with RawClient(route.address) as client:
        client.greet()
        client.send(b"MAIL FROM:<sender@client.example>\r\nRCPT TO:<" + mailbox.encode() + b">\r\n" + b"".join(parts))
        assert [client.code() for _ in range(2 + len(parts))] == [250] * (2 + len(parts))
        client.bye()
    assert postfix.wait_for(mailbox, 1) == [content]
    route.account(sessions=1, messages=1)


def test_an_empty_last_chunk(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    content = message(2_000)
    with RawClient(route.address) as client:
        client.greet()
        client.envelope(mailbox)
        client.send(b"BDAT %d\r\n" % len(content) + content + b"BDAT 0 LAST\r\n")
        assert [client.code(), client.code()] == [250, 250]
        client.bye()
    assert postfix.wait_for(mailbox, 1) == [content]
    route.account(sessions=1, messages=1)


def test_a_refused_chunk_is_counted_all_the_same(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    """No envelope: Postfix refuses the chunk and skips its octets; the commands in them never run."""
    trap = b"MAIL FROM:<trap@client.example>\r\nRCPT TO:<" + mailbox.encode() + b">\r\nDATA\r\n"
    content = message(1_000)
    with RawClient(route.address) as client:
        client.greet()
        client.send(b"BDAT %d LAST\r\n" % len(trap) + trap)
        assert client.code() == 503
        client.envelope(mailbox)
        client.send(b"BDAT %d LAST\r\n" % len(content) + content)
        assert client.code() == 250
        client.bye()
    assert postfix.wait_for(mailbox, 1) == [content]
    if route.guard is not None:
        journal = route.guard.stop()
        accepted = [line for line in journal if line["event"] == "message" and line["accepted"]]
        assert [line["sender"] for line in accepted] == ["sender@client.example"]


def test_a_verb_behind_a_blank_that_only_some_servers_skip(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    """Postfix skips whatever isspace calls a blank: a guard that took the line for no BDAT would read commands in the
    message. Others answer 500 and read them themselves, so nobody can know (law 5)."""
    content = message(2_000)
    with RawClient(route.address) as client:
        client.greet()
        client.envelope(mailbox)
        client.send(b"\x0bBDAT %d LAST\r\n" % len(content) + content)
        code = client.code()
    if route.guard is not None:
        [line] = [line for line in route.guard.stop() if line["event"] == "uncertain"]
        assert (line["violation"], code) == ("bdat-size", 250 if line["then"] == "tunnel" else 421)
    if code == 250:
        assert postfix.wait_for(mailbox, 1) == [content]


def test_two_messages_in_a_session_one_a_verb(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    first, second = message(3_000, 1), message(3_000, 2)
    with RawClient(route.address) as client:
        client.greet()
        client.envelope(mailbox)
        for chunk in chunks(first, 500):
            client.send(chunk)
        assert {client.code() for _ in chunks(first, 500)} == {250}
        client.envelope(mailbox)
        assert client.ask(b"DATA").startswith(b"354 ")
        client.send(second.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        assert client.code() == 250
        client.bye()
    assert sorted(postfix.wait_for(mailbox, 2)) == sorted([first, second])
    accepted = route.account(sessions=1, messages=2)
    assert [line["verb"] for line in accepted] == ([] if route.guard is None else ["BDAT", "DATA"])
