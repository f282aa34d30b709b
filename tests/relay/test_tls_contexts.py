"""Certificates as files: what can't serve is one clear line, before anything listens."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from smtpguard.relay.settings import ConfigError
from smtpguard.relay.tls_contexts import load_contexts
from smtpguard.relay.tls_settings import CertificateSettings, TlsSettings
from tests.relay.tls_hosts import files


def load(certificate: Path, key: Path | None, **more: object) -> None:
    entry = CertificateSettings(certificate=certificate, key=key)
    load_contexts(TlsSettings.model_validate({"mode": "bridge", "certificates": [entry], **more}))


def refusal(certificate: Path, key: Path | None, **more: object) -> str:
    with pytest.raises(ConfigError) as caught:
        load(certificate, key, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_pair_serves_in_two_files_or_in_one(tmp_path: Path) -> None:
    certificate, key = files(tmp_path, "one.example")
    load(certificate, key)
    both = tmp_path / "both.pem"
    both.write_bytes(key.read_bytes() + certificate.read_bytes())
    load(both, None)


def test_a_key_of_another_certificate(tmp_path: Path) -> None:
    certificate, _ = files(tmp_path, "one.example")
    _, key = files(tmp_path, "two.example")
    assert refusal(certificate, key) == f"{key}: the key does not belong to the certificate in {certificate}"


def test_a_certificate_out_of_its_time(tmp_path: Path) -> None:
    old = files(tmp_path, "old.example", since=-10, until=-1)
    assert "expired on " in refusal(*old)
    young = files(tmp_path, "young.example", since=1)
    assert "not valid before " in refusal(*young)


def test_files_that_are_not_there_or_hold_something_else(tmp_path: Path) -> None:
    certificate, key = files(tmp_path, "one.example")
    nowhere, rubbish = tmp_path / "nowhere.pem", tmp_path / "rubbish.pem"
    rubbish.write_bytes(b"\x30\x82\x01\x0a not PEM")
    assert refusal(nowhere, key) == f"{nowhere}: the certificate can't be read: No such file or directory"
    assert refusal(certificate, nowhere) == f"{nowhere}: the key can't be read: No such file or directory"
    assert "no certificate in it; expected PEM" in refusal(rubbish, key)
    assert "no private key in it; expected PEM" in refusal(certificate, rubbish)
    assert "no private key in it" in refusal(certificate, None)
    assert "no certificate in it" in refusal(key, key)
    assert refusal(certificate, key, ca=nowhere).startswith(f"{nowhere}: the file of issuers can't be read")
    assert "no certificate of an issuer in it" in refusal(certificate, key, ca=rubbish)


def test_an_encrypted_key_asks_nobody_for_its_passphrase(tmp_path: Path) -> None:
    certificate, key = files(tmp_path, "one.example")
    secret = serialization.load_pem_private_key(key.read_bytes(), None)
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    assert "is encrypted" in refusal(certificate, key)


def test_nothing_below_tls_1_2_and_no_alpn(tmp_path: Path) -> None:
    certificate, key = files(tmp_path, "one.example")
    entry = CertificateSettings(certificate=certificate, key=key)
    contexts = load_contexts(TlsSettings(mode="bridge", certificates=[entry]))
    assert contexts.server is not None
    for context in (contexts.server, contexts.client):
        assert context.minimum_version.name == "TLSv1_2"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"mode": "bridge"}, "needs certificates"),
        ({"ca": "x", "verify": False}, "leave one of them out"),
        ({"mode": "bump"}, "bridge"),
        ({"upstream": "maybe"}, "starttls"),
        ({"handshake": 0}, "greater than 0"),
        ({"certificate": "x"}, "not permitted"),
    ],
)
def test_settings_that_make_no_sense(said: dict[str, object], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        TlsSettings.model_validate(said)
