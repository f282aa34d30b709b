"""What ``serve`` says of TLS and of who the client is: one line and status 2 for what can't be, a warning for what
should not be."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from smtpguard.cli.errors import UsageError
from smtpguard.cli.serve_tls import STRIPPED, contexts, warn, with_client, with_tls
from smtpguard.relay.settings import RelaySettings
from smtpguard.relay.tls_settings import TlsSettings
from tests.cli.test_serve_errors import nobody, refusal, server
from tests.relay.tls_hosts import files

__all__ = ["nobody", "server"]  # fixtures

LISTEN = ("--listen", "127.0.0.1:0", "--policy", "pass")
HERE, THERE = ("127.0.0.1", 25), ("192.0.2.25", 25)


def test_certificates_that_can_not_serve(server: str, tmp_path: Path) -> None:
    one, two = files(tmp_path, "one.example"), files(tmp_path, "two.example")
    old = files(tmp_path, "old.example", since=-9, until=-1)
    base = (*LISTEN, "--upstream", server, "--tls", "bridge", "--cert")
    for arguments, why in (
        ((str(one[0]), "--key", str(two[1])), "does not belong to the certificate"),
        ((str(old[0]), "--key", str(old[1])), "expired on"),
        ((str(tmp_path / "none"), "--key", str(one[1])), "can't be read"),
        ((str(one[1]),), "no certificate in it; expected PEM"),
    ):
        assert why in refusal(*base, *arguments, folder=tmp_path)


def test_options_that_lack_one_another(server: str, tmp_path: Path) -> None:
    certificate, key = (str(path) for path in files(tmp_path, "one.example"))
    base = (*LISTEN, "--upstream", server)
    for arguments, why in (
        (("--tls", "bridge"), "--tls bridge needs a certificate"),
        (("--key", key), "a key goes with a certificate"),
        (("--cert", certificate, "--key", key), "no use without"),
        (("--no-verify",), "--no-verify is of no use without"),
        (("--tls-listen", "127.0.0.1:0"), "--tls-listen needs a certificate"),
        (("--proxy-protocol", "10.0.0.0/8,nonsense"), "--proxy-protocol nonsense"),
    ):
        assert why in refusal(*base, *arguments, folder=tmp_path)
    assert "missing option '--listen'" in refusal("--policy", "pass", "--upstream", server, folder=tmp_path)


def test_a_port_for_tls_that_is_taken(server: str, tmp_path: Path) -> None:
    certificate, key = (str(path) for path in files(tmp_path, "one.example"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        line = refusal(
            *LISTEN, "--upstream", server, "--cert", certificate, "--key", key, "--tls-listen", address, folder=tmp_path
        )
    assert f"--tls-listen {address}: can't listen there: Address already in use" in line


def test_a_broken_section_of_the_configuration(server: str, tmp_path: Path) -> None:
    for text, why in (
        ("tls: {mode: bump}\n", "tls.mode"),
        ("tls: {mode: bridge}\n", "needs certificates"),
        ("proxy_protocol: {accept_from: [10.0.0.1/8]}\n", "proxy_protocol.accept_from"),
        ("xclient: perhaps\n", "xclient"),
    ):
        (tmp_path / "guard.yaml").write_text(text)
        line = refusal(*LISTEN, "--upstream", server, "--config", "guard.yaml", folder=tmp_path)
        assert why in line


def test_what_came_encrypted_goes_on_in_clear_on_loopback_only(tmp_path: Path) -> None:
    certificate, key = files(tmp_path, "one.example")
    pair = [{"certificate": certificate, "key": key}]
    for words in ({"upstream": "none"}, {"if_unavailable": "clear"}):
        tls = TlsSettings.model_validate({"mode": "bridge", "certificates": pair, **words})
        contexts(tls, clear=True, tls_listen=None, servers=[HERE])
        with pytest.raises(UsageError, match="would send in clear to"):
            contexts(tls, clear=True, tls_listen=None, servers=[HERE, THERE])
    implicit = TlsSettings.model_validate({"mode": "bridge", "certificates": pair, "upstream": "implicit"})
    contexts(implicit, clear=False, tls_listen=HERE, servers=[THERE])
    with pytest.raises(UsageError, match="give --tls-listen alone"):
        contexts(implicit, clear=True, tls_listen=HERE, servers=[THERE])


def test_options_stand_over_the_configuration(tmp_path: Path) -> None:
    certificate, key = files(tmp_path, "one.example")
    settings = RelaySettings.model_validate({"tls": {"mode": "refuse", "ca": certificate}, "xclient": True})
    changed = with_tls(settings, mode="bridge", certificate=certificate, key=key, no_verify=True)
    assert (changed.tls.mode, changed.tls.verify, changed.tls.ca) == ("bridge", False, None)
    assert with_tls(settings, mode=None, certificate=None, key=None, no_verify=False).tls == settings.tls
    changed = with_client(settings, accept="10.0.0.0/8, 2001:db8::/32", send="v2", xclient=False)
    assert [str(network) for network in changed.proxy_protocol.accept_from] == ["10.0.0.0/8", "2001:db8::/32"]
    assert (changed.proxy_protocol.send, changed.xclient) == ("v2", True)


def test_strip_is_said_aloud(capsys: pytest.CaptureFixture[str]) -> None:
    warn(TlsSettings(mode="strip"))
    warn(TlsSettings(mode="refuse"))
    assert capsys.readouterr().err == STRIPPED + "\n"
