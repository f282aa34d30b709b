"""The receiving server, octet for octet: every expected text stands in the facts, those of ours are named so."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from smtpguard.lab.clock import run_virtual
from smtpguard.lab.receiver.mailbox import Mailbox
from tests.lab.hosts import converse, receiving

BANNER = (
    b"220 mx1.example.net Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready at  "
    b"Thu, 25 Oct 2007 09:00:00 -0700\r\n"
)
EHLO = (
    b"250-mx1.example.net Hello [127.0.0.1]\r\n250-TURN\r\n250-ATRN\r\n250-SIZE\r\n250-ETRN\r\n250-PIPELINING\r\n"
    b"250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-8bitmime\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250-VRFY\r\n"
    b"250-X-EXPS GSSAPI NTLM\r\n250-AUTH GSSAPI NTLM\r\n250-X-LINK2STATE\r\n250-XEXCH50\r\n250 OK\r\n"
)
ENVELOPE = b"EHLO mail1.example.com\r\nMAIL FROM:<alice@example.com>\r\nRCPT TO:<bob@example.net>\r\n"
ACCEPTED = EHLO + b"250 2.1.0 alice@example.com....Sender OK\r\n250 2.1.5 bob@example.net \r\n"
QUIT = b"221 2.0.0 mx1.example.net Service closing transmission channel\r\n"
MESSAGE = b"Message-ID: <1@mail1.example.com>\r\nSubject: x\r\n\r\n.dot\r\n\xff\r\n"
QUEUED = b"250 2.6.0  <1@mail1.example.com> Queued mail for delivery\r\n"


def talk(octets: bytes, *, pieces: int | None = None, strangers: bool = True) -> tuple[bytes, Mailbox]:
    """What a receiver answers to ``octets`` behind its banner, and its mailbox afterwards."""

    async def main() -> tuple[bytes, Mailbox]:
        async with receiving(strangers_may_xexch50=strangers) as host:
            answer = await converse(host.port, octets, pieces)
            await asyncio.sleep(1)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return answer, host.mailbox

    answer, mailbox = run_virtual(main)
    assert answer.startswith(BANNER)
    return answer[len(BANNER) :], mailbox


def test_the_session_of_kb818222() -> None:
    blob = bytes(range(256)) * 3 + b"\r\n.\r\nQUIT\r\n" + bytes(241)
    assert len(blob) == 1020
    chunk = b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE
    answer, mailbox = talk(ENVELOPE + b"XEXCH50 1020 2\r\n" + blob + chunk + b"QUIT\r\n")
    assert answer == ACCEPTED + b"354 Send binary data\r\n250 XEXCH50 OK\r\n" + QUEUED + QUIT
    (message,) = mailbox.messages
    assert (message.content, message.blob, message.verb) == (MESSAGE, blob, "BDAT")
    assert (message.sender, message.recipients) == ("alice@example.com", ("bob@example.net",))
    assert not mailbox.orphaned_blobs


@pytest.mark.parametrize("pieces", [1, 7])
def test_slicing_does_not_matter(pieces: int) -> None:
    octets = ENVELOPE + b"XEXCH50 5 2\r\n\r\n.\r\nBDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE + b"QUIT\r\n"
    whole, _ = talk(octets)
    sliced, mailbox = talk(octets, pieces=pieces)
    assert sliced == whole
    assert [message.content for message in mailbox.messages] == [MESSAGE]


def test_data_takes_the_doubled_dots_off() -> None:
    answer, mailbox = talk(ENVELOPE + b"DATA\r\n" + MESSAGE.replace(b"\r\n.", b"\r\n..") + b".\r\nQUIT\r\n")
    assert answer == ACCEPTED + b"354 Start mail input; end with <CRLF>.<CRLF>\r\n" + QUEUED + QUIT
    assert [message.content for message in mailbox.messages] == [MESSAGE]


def test_bdat_knows_no_dots_and_takes_chunks() -> None:
    answer, mailbox = talk(ENVELOPE + b"BDAT 7\r\n\r\n.\r\n..BDAT 0 LAST\r\n")
    assert answer.removeprefix(ACCEPTED).startswith(b"250 2.0.0 7 octets received\r\n250 2.6.0 <")  # the first is ours
    assert mailbox.messages[0].content == b"\r\n.\r\n.."


def test_a_message_without_an_id_gets_one_and_the_reply_has_one_blank() -> None:
    answer, mailbox = talk(ENVELOPE + b"BDAT 6 LAST\r\n\r\nhi\r\n")
    identity = mailbox.messages[0].message_id.encode("ascii")
    assert answer == ACCEPTED + b"250 2.6.0 " + identity + b" Queued mail for delivery\r\n"
    assert mailbox.messages[0].content == b"\r\nhi\r\n"  # nothing was added


def test_a_message_id_in_the_body_is_none() -> None:
    body = b"Subject: x\r\n\r\nMessage-ID: <2@x>\r\n"
    _, mailbox = talk(ENVELOPE + b"BDAT %d LAST\r\n" % len(body) + body)
    assert mailbox.messages[0].message_id != "<2@x>"


def test_refused_bdat_still_takes_its_octets() -> None:
    answer, mailbox = talk(b"EHLO a\r\nBDAT 9 LAST\r\nMAIL FROMNOOP\r\n")
    assert answer == EHLO + b"503 5.5.2 Need Rcpt command\r\n250 2.0.0 OK\r\n"
    assert not mailbox.messages


@pytest.mark.parametrize("argument", [b"5 X", b"-1", b"1" * 20, b"", b"LAST"])
def test_a_chunk_that_cannot_be_counted_ends_the_session(argument: bytes) -> None:
    answer, _ = talk(ENVELOPE + b"BDAT " + argument + b"\r\nNOOP\r\n")
    assert answer == ACCEPTED + b"501 5.5.4 Invalid arguments\r\n"


def test_a_stranger_is_told_to_authenticate_and_may_go_on() -> None:
    chunk = b"BDAT %d LAST\r\n" % len(MESSAGE) + MESSAGE
    answer, mailbox = talk(ENVELOPE + b"XEXCH50 2336 3\r\n" + chunk, strangers=False)
    assert answer == ACCEPTED + b"504 Need to authenticate first\r\n" + QUEUED
    assert mailbox.messages[0].blob is None


@pytest.mark.parametrize("argument", [b"-1 2", b"1020", b"x 2", b"1073741825 2", b""])
def test_a_blob_that_cannot_be_counted_is_refused(argument: bytes) -> None:
    answer, _ = talk(ENVELOPE + b"XEXCH50 " + argument + b"\r\nNOOP\r\n")
    assert answer == ACCEPTED + b"501 5.5.4 Invalid arguments\r\n250 2.0.0 OK\r\n"


def test_a_blob_whose_message_never_comes_is_an_orphan() -> None:
    answer, mailbox = talk(ENVELOPE + b"XEXCH50 4 2\r\nblob")
    assert answer == ACCEPTED + b"354 Send binary data\r\n250 XEXCH50 OK\r\n"
    assert mailbox.orphaned_blobs == [b"blob"]


def test_the_small_verbs() -> None:
    answer, _ = talk(b"HELO a\r\nNOOP\r\nRSET\r\nVRFY bob\r\nXYZZY\r\nQUIT\r\nNOOP\r\n")
    assert (
        answer
        == (
            b"250 mx1.example.net Hello [127.0.0.1]\r\n"
            b"250 2.0.0 OK\r\n"
            b"250 2.0.0 Resetting\r\n"
            b"252 2.1.5 Cannot VRFY user, but will take message for <bob@mx1.example.net>\r\n"
            b"500 5.3.3 Unrecognized command\r\n"
        )
        + QUIT
    )


def test_envelope_rules() -> None:
    answer, _ = talk(
        b"RCPT TO:<bob@example.net>\r\nMAIL FROM: alice@example.com\r\nMAIL FROM:<x@example.com>\r\nMAIL\r\n"
        b"RCPT TO:<x@example.org>\r\nRCPT TO:<>\r\nDATA\r\nXEXCH50 4 2\r\nrset\r\nmail from:<>\r\n"
    )
    assert answer == (
        b"503 5.5.1 Bad sequence of commands\r\n"  # ours
        b"250 2.1.0 alice@example.com....Sender OK\r\n"
        b"503 5.5.1 Bad sequence of commands\r\n"  # ours
        b"501 5.5.4 Invalid arguments\r\n"
        b"550 5.7.1 Unable to relay for x@example.org\r\n"
        b"501 5.5.4 Invalid arguments\r\n"
        b"503 5.5.2 Need Rcpt command\r\n"
        b"503 5.5.2 Need Rcpt command\r\n"
        b"250 2.0.0 Resetting\r\n"
        b"250 2.1.0 <>....Sender OK\r\n"
    )


def test_data_after_bdat_is_out_of_order() -> None:
    answer, _ = talk(ENVELOPE + b"BDAT 1\r\nxDATA\r\n")
    assert answer.endswith(b"503 5.5.1 Bad sequence of commands\r\n")


@pytest.mark.parametrize("length", [1025, 70_000])
def test_a_line_that_is_too_long_ends_the_session(length: int) -> None:
    answer, _ = talk(b"X" * length + b"\r\nNOOP\r\n")
    assert answer == b"421 5.5.2 Syntax error (command line too long)\r\n"


def test_a_bare_lf_ends_no_command() -> None:
    answer, _ = talk(b"NOOP\nQUIT\r\nNOOP\r\n")
    assert answer == b"500 5.3.3 Unrecognized command\r\n250 2.0.0 OK\r\n"


def test_an_idle_peer_is_dropped_after_the_sender_would_have_given_up() -> None:
    async def main() -> float:
        async with receiving() as host:
            reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
            await reader.read()
            writer.close()
            await writer.wait_closed()
            return asyncio.get_running_loop().time()

    assert run_virtual(main) == 1200.0


def test_stop_ends_sessions_that_wait() -> None:
    async def main() -> bytes:
        async with receiving() as host:
            reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
            await reader.readuntil(b"\r\n")
        rest = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return rest

    assert run_virtual(main) == b""


def test_sessions_at_once_do_not_mix() -> None:
    async def main() -> set[bytes]:
        async with receiving() as host:
            bodies = [b"\r\nnumber %d\r\n" % number for number in range(20)]
            await asyncio.gather(
                *(converse(host.port, ENVELOPE + b"BDAT %d LAST\r\n" % len(body) + body) for body in bodies)
            )
            assert {message.content for message in host.mailbox.messages} == set(bodies)
            return set(bodies)

    assert len(run_virtual(main)) == 20


def test_a_message_may_take_longer_than_a_peer_may_be_silent() -> None:
    async def main() -> tuple[bytes, Mailbox]:
        async with receiving() as host:
            reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
            writer.write(ENVELOPE + b"DATA\r\n")
            await reader.readuntil(b"354 Start mail input; end with <CRLF>.<CRLF>\r\n")
            for _ in range(3):
                await asyncio.sleep(host.profile.idle_seconds / 2)
                writer.write(b"line\r\n")
            writer.write(b".\r\n")
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer, host.mailbox

    answer, mailbox = run_virtual(main)
    assert answer.startswith(b"250 2.6.0 ")
    assert [message.content for message in mailbox.messages] == [b"line\r\n" * 3]


def test_a_command_that_never_ends_does_not_keep_the_session() -> None:
    async def main() -> float:
        async with receiving() as host:
            reader, writer = await asyncio.open_connection("127.0.0.1", host.port)
            await reader.readline()
            ended = asyncio.ensure_future(reader.read())
            while not ended.done():
                writer.write(b"x")
                await asyncio.sleep(60)
            writer.close()
            return asyncio.get_running_loop().time() - host.profile.idle_seconds

    assert run_virtual(main) <= 60


def test_a_peer_that_reads_nothing_is_dropped() -> None:
    async def main() -> None:
        async with receiving() as host:
            _, writer = await asyncio.open_connection("127.0.0.1", host.port)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(60):
                    while True:
                        writer.write(b"EHLO mail1.example.com\r\n" * 1000)
                        await writer.drain()
            await asyncio.sleep(host.profile.idle_seconds)
            await asyncio.sleep(1)
            assert asyncio.all_tasks() == {asyncio.current_task()}
            writer.transport.abort()

    run_virtual(main)
