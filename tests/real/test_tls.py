"""A bridge between real clients and real servers: Postfix, OpenSMTPD; Exim, swaks, smtplib, openssl s_client."""

from __future__ import annotations

import shutil
import smtplib
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real import exim_instance, opensmtpd_instance
from tests.real.contents import message
from tests.real.exim_instance import PrivateExim
from tests.real.exim_receiver import PrivateEximReceiver
from tests.real.guard_process import GuardProcess, Line, select
from tests.real.opensmtpd_instance import PrivateOpenSMTPD
from tests.real.postfix_instance import PrivatePostfix, missing
from tests.real.postfix_with_tls import PostfixWithTls
from tests.real.test_clients import run
from tests.relay.tls_hosts import client_context, files

pytestmark = pytest.mark.real

SENDER = "alice@client.example"


@pytest.fixture(scope="module")
def postfix() -> Iterator[PrivatePostfix]:
    """A Postfix with STARTTLS, and a port where it speaks TLS from the first octet on."""
    if reason := missing():
        pytest.skip(reason)
    with PostfixWithTls("smtps", "smtpd_tls_wrappermode=yes") as instance:
        yield instance


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, ...]:
    """The options that give the guard its certificate."""
    certificate, key = files(tmp_path, "guard.example")
    return "--cert", str(certificate), "--key", str(key)


def configuration(folder: Path, text: str) -> tuple[str, str]:
    """The option that names a configuration."""
    path = folder / "guard.yaml"
    path.write_text(text)
    return "--config", str(path)


def trusting(folder: Path, instance: Path, more: str = "") -> tuple[str, str]:
    """A guard that verifies the server's certificate."""
    return configuration(folder, f"tls: {{ca: {instance}/mx.example.pem, server_name: mx.example{more}}}\n")


def ended(guard: GuardProcess, sessions: int) -> list[Line]:
    """The journal, once so many sessions have ended well."""
    guard.sessions(sessions)
    journal = guard.stop()
    assert select(journal, "violation") == []
    assert [line["tls"] for line in select(journal, "session")] == [True] * sessions
    return journal


def legs(journal: list[Line]) -> list[tuple[object, object]]:
    return [(line["side"], line["version"]) for line in select(journal, "tls")]


def test_smtplib_to_postfix(postfix: PrivatePostfix, mailbox: str, pair: tuple[str, ...], tmp_path: Path) -> None:
    content = message(5_000_000, eight_bit=True)
    guard = GuardProcess(postfix.address, "strip-xexch50", "--tls", "bridge", *pair, *trusting(tmp_path, postfix.root))
    try:
        with smtplib.SMTP(*guard.address, timeout=60) as client:
            client.starttls(context=client_context())
            client.ehlo()
            assert not client.has_extn("starttls")
            assert client.sendmail(SENDER, [mailbox], content, ["BODY=8BITMIME"]) == {}
        assert postfix.wait_for(mailbox, 1) == [content]
        journal = ended(guard, 1)
        assert legs(journal) == [("server", "TLSv1.3"), ("client", "TLSv1.3")]
        assert select(journal, "tls")[0]["verified"] is True
        assert [line["accepted"] for line in select(journal, "message")] == [True]
    finally:
        guard.close()


@pytest.mark.parametrize("upstream", ["starttls", "implicit", "none"])
def test_tls_from_the_first_octet(
    postfix: PrivatePostfix, mailbox: str, pair: tuple[str, ...], tmp_path: Path, upstream: str
) -> None:
    content = message(200_000)
    address = postfix.services["smtps"] if upstream == "implicit" else postfix.address
    config = trusting(tmp_path, postfix.root, f", upstream: {upstream}")
    guard = GuardProcess(address, "pass", "--tls-listen", "127.0.0.1:0", *pair, *config, listen=None)
    try:
        with smtplib.SMTP_SSL(*guard.tls_address, context=client_context(), timeout=60) as client:
            assert client.sendmail(SENDER, [mailbox], content) == {}
        assert postfix.wait_for(mailbox, 1) == [content]
        journal = ended(guard, 1)
        sides = {side for side, _ in legs(journal)}
        assert sides == ({"client"} if upstream == "none" else {"client", "server"})
    finally:
        guard.close()


@pytest.mark.parametrize("options", [("--tls",), ("--tls", "--tls-protocol", "tlsv1_2"), ("--tls", "--pipeline")])
def test_swaks(
    postfix: PrivatePostfix, mailbox: str, pair: tuple[str, ...], tmp_path: Path, options: tuple[str, ...]
) -> None:
    guard = GuardProcess(postfix.address, "pass", "--tls", "bridge", *pair, "--no-verify")
    try:
        host, port = guard.address
        transcript = run(
            "swaks", "--server", host, "--port", str(port), "--ehlo", "client.example", "--from", SENDER,
            "--to", mailbox, *options,
        )  # fmt: skip
        assert "250 2.0.0 Ok: queued as " in transcript
        assert "CN=guard.example" in transcript
        assert len(postfix.wait_for(mailbox, 1)) == 1
        ended(guard, 1)
    finally:
        guard.close()


def s_client(address: tuple[str, int], *options: str, said: bytes = b"QUIT\r\n") -> str:
    """What ``openssl s_client`` shows."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", "-ign_eof", *options],
        input=said,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.stdout.decode(errors="replace")


def test_openssl_s_client(postfix: PrivatePostfix, pair: tuple[str, ...], tmp_path: Path) -> None:
    one, two = files(tmp_path, "one.example"), files(tmp_path, "two.example")
    config = configuration(
        tmp_path,
        "tls:\n  mode: bridge\n  verify: false\n  certificates:\n"
        f"    - {{certificate: {one[0]}, key: {one[1]}}}\n    - {{certificate: {two[0]}, key: {two[1]}}}\n",
    )
    (tmp_path / "hide.yaml").write_text(
        "summary: x\nrules: [{id: hide, on: keyword, keyword: CHUNKING, then: strip}]\n"
    )
    guard = GuardProcess(postfix.address, str(tmp_path / "hide.yaml"), *config, "--tls-listen", "127.0.0.1:0")
    try:
        starttls = ("-starttls", "smtp", "-name", "client.example")
        seen = s_client(guard.address, *starttls, "-servername", "two.example", said=b"EHLO client.example\r\nQUIT\r\n")
        assert "CN = two.example" in seen
        assert "250-PIPELINING" in seen
        assert "CHUNKING" not in seen
        assert "221 2.0.0 Bye" in seen
        assert "No ALPN negotiated" in s_client(guard.tls_address, "-alpn", "smtp")
        assert "CN = one.example" in s_client(guard.tls_address, "-servername", "other.example")
        assert "TLSv1.2" in s_client(guard.tls_address, "-tls1_2")
        assert "Cipher is (NONE)" in s_client(guard.tls_address, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        guard.sessions(5)
        found = {line["violation"] for line in select(guard.stop(), "violation")}
        assert found <= {"pipelining", "early-talk"}  # s_client is given all at once
    finally:
        guard.close()


def test_opensmtpd_sends_by_starttls(
    postfix: PrivatePostfix, mailbox: str, pair: tuple[str, ...], tmp_path: Path
) -> None:
    """It sends and does not receive here: as a server Debian's finds no private key with OpenSSL 3, straight too."""
    if reason := opensmtpd_instance.missing():
        pytest.skip(reason)
    content = message(300_000)
    guard = GuardProcess(postfix.address, "pass", "--tls", "bridge", *pair, *trusting(tmp_path, postfix.root))
    instance = PrivateOpenSMTPD(guard.address[1])
    try:
        instance.start()
        with smtplib.SMTP(*instance.address, timeout=60) as client:
            assert client.sendmail(SENDER, [mailbox], content) == {}
        (arrived,) = postfix.wait_for(mailbox, 1)
        assert arrived.endswith(content[content.index(b"\r\n\r\n") :])
        journal = ended(guard, 1)
        assert {side for side, _ in legs(journal)} == {"client", "server"}
    finally:
        instance.remove()
        guard.close()


def test_exim_sends_by_bdat_inside_tls(
    postfix: PrivatePostfix, mailbox: str, pair: tuple[str, ...], tmp_path: Path
) -> None:
    if reason := exim_instance.missing():
        pytest.skip(reason)
    content = b"Subject: x\r\n\r\n" + message(100_000)
    guard = GuardProcess(postfix.address, "pass", "--tls", "bridge", *pair, *trusting(tmp_path, postfix.root))
    certificate = Path(pair[1])
    certificate.parent.chmod(0o755)
    exim = PrivateExim(guard.address[1], final_timeout=20, tls=certificate)
    try:
        exim.submit(content, mailbox)
        exim.run_queue()
        assert exim.queued() == 0, exim.log()
        (arrived,) = postfix.wait_for(mailbox, 1)
        assert arrived.endswith(content[14:])
        journal = ended(guard, 1)
        assert [line["verb"] for line in select(journal, "message")] == ["BDAT"]
        assert " X=TLS1.3" in exim.log()
    finally:
        exim.remove()
        guard.close()


def test_swaks_to_exim(mailbox: str, pair: tuple[str, ...], tmp_path: Path) -> None:
    if reason := exim_instance.missing():
        pytest.skip(reason)
    with PrivateEximReceiver(tls=True) as exim:
        guard = GuardProcess(exim.address, "strip-xexch50", "--tls", "bridge", *pair, *trusting(tmp_path, exim.root))
        try:
            host, port = guard.address
            transcript = run(
                "swaks", "--server", host, "--port", str(port), "--ehlo", "client.example", "--from", SENDER,
                "--to", mailbox, "--tls",
            )  # fmt: skip
            assert "CN=guard.example" in transcript
            assert len(exim.wait_for(mailbox, 1)) == 1
            journal = ended(guard, 1)
            assert [line["verified"] for line in select(journal, "tls") if line["side"] == "server"] == [True]
            assert [line["accepted"] for line in select(journal, "message")] == [True]
        finally:
            guard.close()


def test_a_certificate_of_another_name_is_a_454_and_the_client_may_come_again(
    postfix: PrivatePostfix, pair: tuple[str, ...], tmp_path: Path
) -> None:
    config = configuration(tmp_path, f"tls: {{ca: {postfix.root}/mx.example.pem, server_name: other.example}}\n")
    guard = GuardProcess(postfix.address, "pass", "--tls", "bridge", *pair, *config)
    try:
        with smtplib.SMTP(*guard.address, timeout=60) as client:
            client.ehlo("client.example")
            code, text = client.docmd("STARTTLS")
            assert (code, text[:5]) == (454, b"4.7.0")
        guard.sessions(1)
        (failed,) = select(guard.stop(), "starttls")
        assert "Hostname mismatch" in str(failed["why"])
    finally:
        guard.close()


def test_strip_is_said_on_standard_error(postfix: PrivatePostfix) -> None:
    guard = GuardProcess(postfix.address, "pass", "--tls", "strip")
    try:
        with smtplib.SMTP(*guard.address, timeout=60) as client:
            client.ehlo("client.example")
            assert not client.has_extn("starttls")
            with pytest.raises(smtplib.SMTPNotSupportedError):
                client.starttls(context=ssl.create_default_context())
            assert client.docmd("STARTTLS")[0] == 502
        assert "WARNING: --tls strip" in guard.errors()
        guard.wait_for(lambda lines: select(lines, "tls-stripped"), 10, "the warning")
    finally:
        guard.close()


def test_a_reload_takes_up_another_certificate_and_drops_nobody(
    postfix: PrivatePostfix, mailbox: str, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def install(name: str) -> None:
        (tmp_path / name).mkdir(exist_ok=True)
        for new, path in zip(files(tmp_path / name, name), (certificate, key), strict=True):
            path.write_bytes(new.read_bytes())

    def shown() -> str:
        return s_client(guard.address, "-starttls", "smtp", "-name", "client.example")

    install("one.example")
    guard = GuardProcess(
        postfix.address, "pass", "--tls", "bridge", "--cert", str(certificate), "--key", str(key), "--no-verify"
    )
    try:
        content = message(50_000)
        with smtplib.SMTP(*guard.address, timeout=60) as client:
            client.starttls(context=client_context())
            assert "CN = one.example" in shown()
            install("two.example")
            guard.reload()
            guard.wait_for(lambda lines: select(lines, "reloaded"), 30, "the reload")
            assert "CN = two.example" in shown()
            certificate.write_bytes(b"rubbish")
            guard.reload()
            (failed,) = guard.wait_for(lambda lines: select(lines, "reload-failed"), 30, "the reload that fails")
            assert "no certificate in it" in failed["error"]
            assert "CN = two.example" in shown()
            assert client.sendmail(SENDER, [mailbox], content) == {}
        assert postfix.wait_for(mailbox, 1) == [content]
        assert sorted(line["messages_accepted"] for line in guard.sessions(4)) == [0, 0, 0, 1]
        assert "no certificate in it" in guard.errors()
    finally:
        guard.close()
