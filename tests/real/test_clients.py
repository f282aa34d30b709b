"""Other people's clients through the guard to a real Postfix: what they sent is what arrived."""

from __future__ import annotations

import asyncio
import shutil
import smtplib
import subprocess
from pathlib import Path

import aiosmtplib
import pytest

from tests.real.conftest import Route
from tests.real.contents import message
from tests.real.postfix_instance import PrivatePostfix

pytestmark = pytest.mark.real

HELO = "client.example"
SENDER = "sender@client.example"
SMTP_SOURCE_END = b"\r\n"  # an empty line that smtp-source puts below any text


def run(*command: str) -> str:
    """Run a client that must succeed; its output. Skips where the host lacks it."""
    program = shutil.which(command[0]) or shutil.which(command[0], path="/usr/sbin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run(
        [program, *command[1:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


@pytest.mark.parametrize("options", [(), ("--pipeline",)], ids=["plain", "pipelined"])
def test_swaks(route: Route, postfix: PrivatePostfix, mailbox: str, tmp_path: Path, options: tuple[str, ...]) -> None:
    content = message(20_000)
    # swaks reads the text from a file with LF, doubles the dots and puts CRLF itself.
    (tmp_path / "text").write_bytes(content.replace(b"\r\n", b"\n").removesuffix(b"\n"))
    host, port = route.address
    transcript = run(
        "swaks", "--server", host, "--port", str(port), "--ehlo", HELO, "--from", SENDER, "--to", mailbox,
        "--data", f"@{tmp_path / 'text'}", *options,
    )  # fmt: skip
    assert " 250 2.0.0 Ok: queued as " in transcript
    assert postfix.wait_for(mailbox, 1) == [content]
    route.account(sessions=1, messages=1)


def test_smtplib_sends_eight_bits(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    content = message(100_000, eight_bit=True)
    with smtplib.SMTP(*route.address, local_hostname=HELO, timeout=60) as client:
        assert client.sendmail(SENDER, [mailbox], content, mail_options=["BODY=8BITMIME"]) == {}
    assert postfix.wait_for(mailbox, 1) == [content]
    for accepted in route.account(sessions=1, messages=1):
        assert accepted["sender"] == SENDER
        assert accepted["recipients"] == [mailbox]
        assert accepted["verb"] == "DATA"


def test_smtplib_sends_smtputf8(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    mailbox = f"jörg.почта-{mailbox}"
    content = "Subject: Grüße aus Köln 你好\r\n\r\nGrüße\r\n".encode()
    with smtplib.SMTP(*route.address, local_hostname=HELO, timeout=60) as client:
        client.ehlo()
        assert client.has_extn("smtputf8")
        client.command_encoding = "utf-8"
        refused = client.sendmail("jürgen@client.example", [mailbox], content, ["SMTPUTF8", "BODY=8BITMIME"])
        assert refused == {}
    assert postfix.wait_for(mailbox, 1) == [content]
    for accepted in route.account(sessions=1, messages=1):
        assert accepted["recipients"] == [mailbox]


def test_smtplib_sends_many_in_one_session(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    contents = [message(1_000 * number, number) for number in range(1, 11)]
    with smtplib.SMTP(*route.address, local_hostname=HELO, timeout=60) as client:
        for content in contents:
            client.sendmail(SENDER, [mailbox, f"other-{mailbox}"], content)
            client.rset()
    assert sorted(postfix.wait_for(mailbox, 10)) == sorted(contents)
    assert sorted(postfix.wait_for(f"other-{mailbox}", 10)) == sorted(contents)
    for accepted in route.account(sessions=1, messages=10):
        assert accepted["recipient_count"] == 2


def test_aiosmtplib(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    contents = [message(30_000, seed, eight_bit=True) for seed in range(5)]

    async def send() -> None:
        host, port = route.address
        async with aiosmtplib.SMTP(hostname=host, port=port, local_hostname=HELO, start_tls=False) as client:
            for content in contents:
                errors, _ = await client.sendmail(SENDER, [mailbox], content, mail_options=["BODY=8BITMIME"])
                assert errors == {}

    asyncio.run(send())
    assert sorted(postfix.wait_for(mailbox, 5)) == sorted(contents)
    route.account(sessions=1, messages=5)


@pytest.mark.parametrize(("options", "sessions"), [((), 200), (("-d",), 20)], ids=["one-each", "kept-open"])
def test_smtp_source_sends_a_file(
    route: Route, postfix: PrivatePostfix, mailbox: str, tmp_path: Path, options: tuple[str, ...], sessions: int
) -> None:
    content = message(3_000)
    (tmp_path / "text").write_bytes(content.replace(b"\r\n", b"\n"))
    host, port = route.address
    run(
        "smtp-source", "-s", "20", "-m", "200", "-M", HELO, "-f", SENDER, "-t", mailbox,
        "-F", str(tmp_path / "text"), *options, f"{host}:{port}",
    )  # fmt: skip
    assert postfix.wait_for(mailbox, 200) == [content + SMTP_SOURCE_END] * 200
    route.account(sessions=sessions, messages=200)


def test_smtp_source_sends_long_texts(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    host, port = route.address
    run(
        "smtp-source", "-s", "5", "-m", "20", "-l", "300000", "-M", HELO, "-f", SENDER, "-t", mailbox,
        f"{host}:{port}",
    )  # fmt: skip
    bodies = {content.partition(b"\r\n\r\n")[2] for content in postfix.wait_for(mailbox, 20)}
    assert len(bodies) == 1
    assert len(bodies.pop()) == 300_000 + len(SMTP_SOURCE_END)
    route.account(sessions=20, messages=20)


def test_a_refused_recipient_stays_refused(route: Route, postfix: PrivatePostfix, mailbox: str) -> None:
    content = message(500)
    with smtplib.SMTP(*route.address, local_hostname=HELO, timeout=60) as client:
        refused = client.sendmail(SENDER, [mailbox, "someone@elsewhere.example"], content)
    assert [code for code, _ in refused.values()] == [554]
    assert postfix.wait_for(mailbox, 1) == [content]
    for accepted in route.account(sessions=1, messages=1):
        assert accepted["recipients"] == [mailbox]
