"""AUTH and X-EXPS over the wire, and what of it may be written down."""

from __future__ import annotations

import asyncio
import base64
import os

import pytest
import spnego

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.events import Event
from tests.lab.hosts import converse, receiving

USERS = {"relay": "Secret-1", "EXAMPLE\\bridge": "Secret-2"}


def b64(text: str) -> bytes:
    return base64.b64encode(text.encode())


def talk(octets: bytes, profile: str = "sbs-2003") -> tuple[list[bytes], tuple[Event, ...]]:
    """The lines behind the banner, and the events."""

    async def main() -> tuple[list[bytes], tuple[Event, ...]]:
        async with receiving(profile, users=USERS) as host:
            answer = await converse(host.port, octets)
        return answer.split(b"\r\n")[1:-1], host.events.ordered()

    return run_virtual(main)


async def ntlm(port: int, line: bytes, user: str, password: str, *, initial: bool) -> bytes:
    """One NTLM exchange; the final reply."""
    context = spnego.client(user, password, protocol="ntlm", options=spnego.NegotiateOptions.use_ntlm)
    negotiate = base64.b64encode(context.step() or b"")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readuntil(b"\r\n")
    if initial:
        writer.write(line + b" " + negotiate + b"\r\n")
    else:
        writer.write(line + b"\r\n")
        assert await reader.readuntil(b"\r\n") == b"334 ntlm supported\r\n"
        writer.write(negotiate + b"\r\n")
    challenge = await reader.readuntil(b"\r\n")
    writer.write(base64.b64encode(context.step(base64.b64decode(challenge[4:])) or b"") + b"\r\n")
    reply = await reader.readuntil(b"\r\n")
    writer.close()
    await writer.wait_closed()
    return reply


@pytest.mark.parametrize("initial", [False, True])
@pytest.mark.parametrize(
    ("user", "password", "proved"),
    [
        ("relay", "Secret-1", "relay"),
        ("EXAMPLE\\bridge", "Secret-2", "EXAMPLE\\bridge"),
        ("relay", "no", ""),
        ("eve", "Secret-1", ""),
    ],
)
def test_ntlm_is_real(user: str, password: str, proved: str, initial: bool) -> None:
    async def main() -> tuple[bytes, tuple[Event, ...]]:
        async with receiving(users=USERS) as host:
            reply = await ntlm(host.port, b"X-EXPS NTLM", user, password, initial=initial)
        return reply, host.events.ordered()

    before = dict(os.environ)
    reply, events = run_virtual(main)
    assert dict(os.environ) == before
    assert reply.startswith(b"235 2.7.0 Authentication successful.\r\n" if proved else b"535 5.7.3 ")
    (told,) = [event for event in events if event.event.startswith("authenticat")]
    assert told.event == ("authenticated" if proved else "authentication-failed")
    assert told.fields == {"verb": "X-EXPS", "mechanism": "NTLM", "user": proved, "connection": 1}


def test_two_ntlm_exchanges_at_once_do_not_mix() -> None:
    async def main() -> list[bytes]:
        async with receiving(users=USERS) as host:
            return await asyncio.gather(
                ntlm(host.port, b"AUTH NTLM", "relay", "Secret-1", initial=False),
                ntlm(host.port, b"AUTH NTLM", "relay", "Secret-2", initial=False),
                ntlm(host.port, b"X-EXPS NTLM", "EXAMPLE\\bridge", "Secret-2", initial=True),
            )

    assert [reply[:3] for reply in run_virtual(main)] == [b"235", b"535", b"235"]


def test_login_in_the_words_of_the_facts() -> None:
    lines, events = talk(b"AUTH LOGIN\r\n" + b64("relay") + b"\r\n" + b64("Secret-1") + b"\r\nNOOP\r\n")
    assert lines == [
        b"334 VXNlcm5hbWU6",
        b"334 UGFzc3dvcmQ6",
        b"235 2.7.0 Authentication successful.",
        b"250 2.0.0 OK",
    ]
    assert "Secret-1" not in repr(events)


def test_login_with_an_initial_response_and_another_case() -> None:
    lines, _ = talk(b"x-exps login " + b64("RELAY") + b"\r\n" + b64("Secret-1") + b"\r\n")
    assert lines == [b"334 UGFzc3dvcmQ6", b"235 2.7.0 Authentication successful."]


def test_one_authentication_a_session() -> None:
    done = b"AUTH LOGIN\r\n" + b64("relay") + b"\r\n" + b64("Secret-1") + b"\r\n"
    lines, _ = talk(done + b"X-EXPS NTLM\r\nAUTH LOGIN\r\nNOOP\r\n")
    assert lines[3:] == [b"503 5.5.1 Bad sequence of commands"] * 2 + [b"250 2.0.0 OK"]


def test_not_in_a_transaction() -> None:
    lines, _ = talk(b"MAIL FROM:<a@example.com>\r\nAUTH LOGIN\r\n")
    assert lines[1] == b"503 5.5.1 Bad sequence of commands"


@pytest.mark.parametrize("line", [b"!!!!", b"abc", b"\xff\xff\xff\xff"])
def test_what_is_no_base64_ends_the_exchange(line: bytes) -> None:
    lines, events = talk(b"AUTH LOGIN\r\n" + line + b"\r\nAUTH NTLM " + line + b"\r\nNOOP\r\n")
    assert lines[1:] == [b"501 5.5.4 Invalid arguments"] * 2 + [b"250 2.0.0 OK"]
    assert not [event for event in events if event.event.startswith("authenticat")]


def test_a_message_that_is_no_ntlm_fails() -> None:
    lines, _ = talk(b"AUTH NTLM\r\n" + b64("hello") + b"\r\nAUTH NTLM =\r\nNOOP\r\n")
    assert lines[1:] == [b"535 5.7.3 Authentication unsuccessful"] * 2 + [b"250 2.0.0 OK"]


def test_a_line_of_authentication_may_be_long_and_no_longer() -> None:
    lines, _ = talk(b"AUTH LOGIN " + b"QUFB" * 3000 + b"\r\n" + b"QUFB" * 3000 + b"\r\nNOOP\r\n")
    assert lines == [b"334 UGFzc3dvcmQ6", b"535 5.7.3 Authentication unsuccessful", b"250 2.0.0 OK"]
    lines, _ = talk(b"AUTH LOGIN\r\n" + b"QUFB" * 3072 + b"\r\nNOOP\r\n")
    assert lines[1:] == [b"421 5.5.2 Syntax error (command line too long)"]


def test_the_plain_service_has_no_login() -> None:
    lines, _ = talk(b"AUTH LOGIN\r\nX-EXPS NTLM\r\n", "iis")
    assert lines == [b"504 5.5.4 Unrecognized authentication type", b"500 5.3.3 Unrecognized command"]


def test_a_peer_that_goes_away_in_an_exchange_leaves_nothing() -> None:
    lines, events = talk(b"AUTH LOGIN\r\n" + b64("relay") + b"\r\n")
    assert lines[-1] == b"334 UGFzc3dvcmQ6"
    assert events[-1].event == "disconnected"
